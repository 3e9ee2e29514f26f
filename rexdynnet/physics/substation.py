"""What a substation draws and gives, by its law of return temperature."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from numba.extending import register_jitable

from rexdynnet.physics.devices import exchanger_heat, exchanger_return, flow_for_heat
from rexdynnet.physics.ops import maximum, minimum


class ReturnKind(IntEnum):
    """Code of a return law inside the compiled kernels."""

    FIXED_RETURN = 0
    FIXED_COOLING = 1
    EXCHANGER = 2


FIXED_RETURN = int(ReturnKind.FIXED_RETURN)
FIXED_COOLING = int(ReturnKind.FIXED_COOLING)


@register_jitable
def demanded_flow(
    kind: int,
    heat_W: Any,
    supply_K: Any,
    setting: Any,
    secondary_supply_K: Any,
    secondary_return_K: Any,
    specific_heat: Any,
) -> Any:
    """Primary flow that a demanded heat needs.

    Parameters
    ----------
    kind : int
        A `ReturnKind`.
    heat_W, supply_K : float, array or symbol
    setting : float
        Return temperature [K], cooling [K] or UA [W/K], by kind.
    secondary_supply_K, secondary_return_K : float
        Exchanger only.
    specific_heat : float

    Returns
    -------
    same shape
        kg/s; finite also where the supply is too cold to give the heat.
    """
    if kind == FIXED_COOLING:
        return maximum(heat_W, 0.0) / (specific_heat * setting)
    if kind == FIXED_RETURN:
        return flow_for_heat(heat_W, supply_K, setting, specific_heat)
    back = exchanger_return(heat_W, supply_K, secondary_supply_K, secondary_return_K, setting)
    return flow_for_heat(heat_W, supply_K, minimum(back, supply_K), specific_heat)


@register_jitable
def given_heat(
    kind: int,
    mass_flow: Any,
    supply_K: Any,
    heat_W: Any,
    setting: Any,
    secondary_supply_K: Any,
    secondary_return_K: Any,
    specific_heat: Any,
) -> Any:
    """Heat that a primary flow gives.

    Parameters
    ----------
    kind : int
        A `ReturnKind`.
    mass_flow, supply_K : float, array or symbol
    heat_W : float, array or symbol
        Demanded; sets the exchanger's secondary flow.
    setting, secondary_supply_K, secondary_return_K, specific_heat : float
        As in `demanded_flow`.

    Returns
    -------
    same shape
        W, not negative.
    """
    if kind == FIXED_COOLING:
        return mass_flow * specific_heat * setting
    if kind == FIXED_RETURN:
        return mass_flow * specific_heat * maximum(supply_K - setting, 0.0)
    rate = maximum(heat_W, 0.0) / (secondary_supply_K - secondary_return_K)
    return exchanger_heat(mass_flow, supply_K, rate, secondary_return_K, setting, specific_heat)
