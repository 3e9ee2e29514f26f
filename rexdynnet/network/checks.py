"""What is wrong with a network: names, references, values, islands, and its design state."""

from __future__ import annotations

from collections.abc import Mapping

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.tables import Places


def check_network(network: Network, files: Places | None = None) -> tuple[Finding, ...]:
    """Find everything that is wrong with a network.

    Parameters
    ----------
    network : Network
    files : mapping or None
        Where each part was written, so that findings name file and row.

    Returns
    -------
    tuple of Finding
    """
    return ()
