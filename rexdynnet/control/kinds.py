"""From settings to a controller; each kind is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from rexdynnet.control.base import AbstractController
from rexdynnet.control.settings import ControllerKind, ControlSettings
from rexdynnet.network.graph import Network


def make_controller(network: Network, settings: ControlSettings) -> AbstractController:
    """Make the controller that the settings ask for.

    Parameters
    ----------
    network : Network
    settings : ControlSettings

    Returns
    -------
    AbstractController

    Raises
    ------
    InputError
        The settings do not fit the network.
    """
    if settings.kind is ControllerKind.MPC:
        make: Callable[[Network, ControlSettings], AbstractController]
        make = import_module("rexdynnet.control.mpc").make_mpc
        return make(network, settings)
    if settings.kind is ControllerKind.DISPATCH:
        from rexdynnet.control.dispatch import make_dispatch

        return make_dispatch(network, settings)
    from rexdynnet.control.baseline import make_baseline

    return make_baseline(network, settings)
