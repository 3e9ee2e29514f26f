"""Where the kinds of components register; the assembler knows nothing else of them."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from rexdynnet.dae.context import Context
from rexdynnet.dae.contribution import Contribution, Port
from rexdynnet.network.graph import ends
from rexdynnet.signals import Signal


@singledispatch
def contribute(component: Any, tail: Port, head: Port, context: Context) -> Contribution:
    """State the equations of one component.

    Register a new kind with `@contribute.register`; the assembler then takes
    instances of it in `build_dae(..., extras=...)`.

    Parameters
    ----------
    component : any registered kind
    tail, head : Port
        Nodes in the direction of positive flow.
    context : Context

    Returns
    -------
    Contribution
    """
    raise NotImplementedError(
        f"no equations are registered for {type(component).__name__} {component!r}; "
        "register a function with rexdynnet.dae.components.contribute.register"
    )


@singledispatch
def terminals(component: Any) -> tuple[str, str]:
    """Names of the nodes (tail, head) of a component; register for a new kind."""
    return ends(component)


@singledispatch
def disturbances_of(component: Any) -> tuple[Signal, ...]:  # noqa: ARG001
    """Disturbances that an extra component adds; register for a new kind."""
    return ()


@singledispatch
def controls_of(component: Any) -> tuple[Signal, ...]:  # noqa: ARG001
    """Controls that an extra component adds; register for a new kind."""
    return ()


@singledispatch
def parameters_of(component: Any) -> tuple[Signal, ...]:  # noqa: ARG001
    """Run-time parameters that an extra component adds; register for a new kind."""
    return ()
