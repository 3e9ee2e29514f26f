"""What acts on a plant that is a network: names and order of its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import controls, disturbances, parameters
from rexdynnet.signals import Signal


@dataclass(frozen=True)
class NetworkSignals:
    """The signals of a network, in the order of its vectors.

    Parameters
    ----------
    network : Network
    """

    network: Network

    @cached_property
    def _signals(self) -> tuple[tuple[Signal, ...], ...]:
        return controls(self.network), disturbances(self.network), parameters(self.network)

    @property
    def controls(self) -> tuple[Signal, ...]:
        """Order of `Inputs.controls`."""
        return self._signals[0]

    @property
    def disturbances(self) -> tuple[Signal, ...]:
        """Order of `Inputs.disturbances`."""
        return self._signals[1]

    @property
    def parameters(self) -> tuple[Signal, ...]:
        """Order of the run-time parameters."""
        return self._signals[2]
