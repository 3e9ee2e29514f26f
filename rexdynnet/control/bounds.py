"""Bounds of a network's controls at one instant, dated limits included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from rexdynnet.control.base import Floats
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import nearest
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import controls
from rexdynnet.network.spec import Limited, Plant
from rexdynnet.signals import Signal
from rexdynnet.timeline import seconds_since

_LIMITED = {
    "heat": Limited.HEAT_W,
    "supply_temperature": Limited.SUPPLY_TEMPERATURE_K,
    "differential_pressure": Limited.DIFFERENTIAL_PRESSURE_PA,
    "mass_flow": Limited.MASS_FLOW_KG_PER_S,
}


@dataclass(frozen=True)
class ControlBounds:
    """What every control of a network may be.

    Parameters
    ----------
    network : Network
    start_utc : datetime or None
        Second 0; without it dated limits do not act.

    Examples
    --------
    >>> from rexdynnet import read_network
    >>> bounds = ControlBounds(read_network("models/networks/destest16"))
    >>> lower, upper = bounds.at(0.0)
    >>> bool(np.all(lower < upper))
    True
    """

    network: Network
    start_utc: datetime | None = None

    @cached_property
    def signals(self) -> tuple[Signal, ...]:
        """The controls in the order of `u`."""
        return controls(self.network)

    @cached_property
    def _always(self) -> tuple[Floats, Floats]:
        lower = np.array([signal.lower for signal in self.signals], dtype=np.float64)
        upper = np.array([signal.upper for signal in self.signals], dtype=np.float64)
        for index, signal in enumerate(self.signals):
            plant = self.network.component_by_name[signal.component]
            if isinstance(plant, Plant) and signal.quantity == "supply_temperature":
                upper[index] = min(upper[index], plant.maximum_supply_temperature_K)
        return lower, upper

    def at(self, time_s: float) -> tuple[Floats, Floats]:
        """Bounds at one instant.

        Parameters
        ----------
        time_s : float
            Seconds since the start of the run.

        Returns
        -------
        lower, upper : ndarray, shape (n_u,)
            SI; a bound may be infinite where nothing limits a control.
        """
        lower, upper = (bound.copy() for bound in self._always)
        if self.start_utc is not None:
            for limit in self.network.limits:
                begin = seconds_since(self.start_utc, limit.start)
                if not begin <= time_s < seconds_since(self.start_utc, limit.end):
                    continue
                for index, signal in enumerate(self.signals):
                    named = signal.component == limit.component
                    if named and _LIMITED.get(signal.quantity) is limit.quantity:
                        lower[index] = max(lower[index], limit.lower)
                        upper[index] = min(upper[index], limit.upper)
        # Limits that contradict one another must not leave an empty interval.
        return np.minimum(lower, upper), upper

    def clipped(self, values: Floats, time_s: float) -> Floats:
        """Values moved into the bounds; what is not finite takes its default.

        Parameters
        ----------
        values : ndarray, shape (n_u,)
        time_s : float

        Returns
        -------
        ndarray, shape (n_u,)
            Always finite.
        """
        lower, upper = self.at(time_s)
        safe = np.where(np.isfinite(values), values, self.defaults)
        return np.clip(safe, lower, upper)

    def named(self, values: Mapping[str, float], time_s: float) -> Floats:
        """Inputs from values by name; all others have their defaults.

        Parameters
        ----------
        values : mapping of `component.quantity` to float
            SI.
        time_s : float

        Returns
        -------
        ndarray, shape (n_u,)
            Within the bounds.

        Raises
        ------
        InputError
            A name that is no control.

        Examples
        --------
        >>> from rexdynnet import read_network
        >>> bounds = ControlBounds(read_network("models/networks/destest16"))
        >>> bounds.named({"boiler.supply_temperature": 345.0}, 0.0)
        array([  345., 30000.])
        """
        places = {signal.name: index for index, signal in enumerate(self.signals)}
        strange = [name for name in values if name not in places]
        if strange:
            raise InputError(
                *(Finding(f"{name!r} is no control", nearest(name, places)) for name in strange)
            )
        inputs = self.defaults.copy()
        for name, value in values.items():
            inputs[places[name]] = value
        return self.clipped(inputs, time_s)

    @cached_property
    def defaults(self) -> Floats:
        """Each control's default, or a middle value where it has none, shape (n_u,)."""
        lower, upper = self._always
        own = [np.nan if signal.default is None else signal.default for signal in self.signals]
        middle = np.where(np.isfinite(upper) & np.isfinite(lower), 0.5 * (lower + upper), 0.0)
        values = np.where(np.isfinite(own), own, middle)
        for index, signal in enumerate(self.signals):
            # A plant that nobody commands feeds nothing in.
            if signal.quantity == "heat":
                values[index] = 0.0
        return values
