"""Laws of what stands at the ends of the pipes: valves, substations, plants, bypasses.

Each law is stated once here; the symbolic model and the compiled plant evaluate
these same lines.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from rexdynnet.physics.ops import absolute, exp, log, maximum, minimum, sqrt

BAR_Pa = 1.0e5
LINEAR_BELOW_Pa = 10.0
SMALLEST_DIFFERENCE_K = 0.5
FEED_IN_LIFT_K = 10.0
SATURATION_SOFTNESS = 1e-3
# a shut check valve passes this much backwards, so a dead island keeps a pressure
SEAT_LEAK_kg_per_s_Pa = 1e-11


@register_jitable
def valve_flow(pressure_drop_Pa: Any, kv_kg_per_s: Any) -> Any:
    """Flow through a valve or orifice, linear within a few pascals of rest.

    Parameters
    ----------
    pressure_drop_Pa : float, array or symbol
        Signed.
    kv_kg_per_s : float, array or symbol
        Flow at 1 bar (of the present opening).

    Returns
    -------
    same shape
        kg/s: kv·sign(Δp)·sqrt(|Δp|/bar) away from rest.

    Notes
    -----
    IEC 60534; regularised as Δp / (Δp² + 100 Pa²)^(1/4).

    Examples
    --------
    >>> float(round(valve_flow(1e5, 0.5), 6))
    0.5
    """
    root = sqrt(sqrt(pressure_drop_Pa * pressure_drop_Pa + LINEAR_BELOW_Pa * LINEAR_BELOW_Pa))
    return kv_kg_per_s * pressure_drop_Pa / (root * sqrt(BAR_Pa))


@register_jitable
def smooth_minimum(x: Any, y: Any, softness: Any) -> Any:
    """Smaller of two, rounded over `softness`; never above either.

    Parameters
    ----------
    x, y, softness : float, array or symbol
        In one unit.

    Returns
    -------
    same shape
    """
    difference = x - y
    return 0.5 * (x + y - sqrt(difference * difference + softness * softness))


@register_jitable
def saturated_flow(demanded_kg_per_s: Any, pressure_drop_Pa: Any, kv_kg_per_s: Any) -> Any:
    """Flow of a self-acting valve: what is demanded, at most what it passes fully open.

    Parameters
    ----------
    demanded_kg_per_s : float, array or symbol
        Not negative.
    pressure_drop_Pa : float, array or symbol
        Over the valve; a negative one gives no flow (check valve).
    kv_kg_per_s : float
        Flow of the fully open valve at 1 bar.

    Returns
    -------
    same shape
        kg/s, not negative.

    Examples
    --------
    >>> [float(round(saturated_flow(want, 1e5, 0.5), 5)) for want in (0.2, 0.8)]
    [0.2, 0.5]
    """
    most = valve_flow(maximum(pressure_drop_Pa, 0.0), kv_kg_per_s)
    # never 0, so that the derivative exists where both flows are 0
    softness = SATURATION_SOFTNESS * minimum(demanded_kg_per_s, most) + 1e-12
    return smooth_minimum(demanded_kg_per_s, most, softness)


@register_jitable
def pumped_flow(flow_kg_per_s: Any, lift_Pa: Any, most_Pa: Any) -> Any:
    """Flow that a pump still feeds against a pressure: all of it up to its head.

    Parameters
    ----------
    flow_kg_per_s : float, array or symbol
        What it is asked for, not negative.
    lift_Pa : float, array or symbol
        Pressure it feeds into less the one it draws from.
    most_Pa : float
        Its head; 5 % above it the check valve closes, whose seat leaks a trace.

    Returns
    -------
    same shape
        kg/s.

    Examples
    --------
    >>> [float(round(pumped_flow(2.0, lift, 3e5), 5)) for lift in (2.9e5, 3.075e5, 4e5)]
    [2.0, 1.0, -0.0]
    """
    over = (lift_Pa - most_Pa) / (0.05 * most_Pa)
    share = minimum(maximum(1.0 - over, 0.0), 1.0)
    seat = SEAT_LEAK_kg_per_s_Pa * maximum(lift_Pa - 1.05 * most_Pa, 0.0)
    return flow_kg_per_s * share - seat


@register_jitable
def driven_share(drop_Pa: Any) -> Any:
    """Share of its flow that a device without pump still lets through at a small pressure drop.

    Parameters
    ----------
    drop_Pa : float, array or symbol
        Along the flow; at 5 kPa and above its control valve passes all that is asked.

    Returns
    -------
    same shape
        0 to 1.

    Examples
    --------
    >>> [float(driven_share(drop)) for drop in (-1.0, 2500.0, 1e5)]
    [0.0, 0.5, 1.0]
    """
    return minimum(maximum(drop_Pa / 5e3, 0.0), 1.0)


@register_jitable
def flow_for_heat(heat_W: Any, supply_K: Any, return_K: Any, specific_heat: Any) -> Any:
    """Mass flow that gives a heat between two temperatures.

    Parameters
    ----------
    heat_W : float, array or symbol
        Negative heat counts as none.
    supply_K, return_K : float, array or symbol
        A difference under 0.5 K counts as 0.5 K, so the flow stays finite.
    specific_heat : float
        J/(kg K).

    Returns
    -------
    same shape
        kg/s, not negative.
    """
    difference = maximum(supply_K - return_K, SMALLEST_DIFFERENCE_K)
    return maximum(heat_W, 0.0) / (specific_heat * difference)


@register_jitable
def feed_in_flow(
    heat_W: Any, setpoint_K: Any, return_K: Any, capacity_W: Any, specific_heat: Any
) -> Any:
    """Mass flow of a plant that feeds in a prescribed heat.

    Parameters
    ----------
    heat_W : float, array or symbol
    setpoint_K, return_K : float, array or symbol
        A return as hot as the set-point stops the flow.
    capacity_W : float
        Its pump is sized for this heat at a lift of 10 K and gives no more.
    specific_heat : float

    Returns
    -------
    same shape
        kg/s, not negative.

    Examples
    --------
    >>> float(round(feed_in_flow(1e5, 353.15, 313.15, 1e6, 4185.0), 4))
    0.5974
    """
    lift = setpoint_K - return_K
    able = maximum(minimum(lift / SMALLEST_DIFFERENCE_K, 1.0), 0.0)
    most = capacity_W / (specific_heat * FEED_IN_LIFT_K)
    return able * minimum(flow_for_heat(heat_W, setpoint_K, return_K, specific_heat), most)


@register_jitable
def exchanger_heat(
    mass_flow: Any,
    supply_K: Any,
    secondary_rate_W_per_K: Any,
    secondary_return_K: Any,
    ua_W_per_K: Any,
    specific_heat: Any,
) -> Any:
    """Heat of a counter-flow exchanger by effectiveness and number of transfer units.

    Parameters
    ----------
    mass_flow : float, array or symbol
        Primary, kg/s, not negative.
    supply_K : float, array or symbol
        Primary inlet.
    secondary_rate_W_per_K : float, array or symbol
        Heat capacity rate of the secondary stream.
    secondary_return_K : float, array or symbol
        Secondary inlet.
    ua_W_per_K : float
    specific_heat : float
        Of the primary water, J/(kg K).

    Returns
    -------
    same shape
        W, not negative.

    Notes
    -----
    VDI Heat Atlas, section C1; the ratio of the rates is kept off 1 by 1e-9.

    Examples
    --------
    >>> round(exchanger_heat(0.1, 353.15, 1000.0, 303.15, 1000.0, 4185.0))
    17540
    """
    primary = maximum(mass_flow * specific_heat, 1e-6)
    secondary = maximum(secondary_rate_W_per_K, 1e-6)
    least = minimum(primary, secondary)
    ratio = minimum(least / maximum(primary, secondary), 1.0 - 1e-9)
    decay = exp(-minimum(ua_W_per_K / least * (1.0 - ratio), 700.0))
    effectiveness = (1.0 - decay) / (1.0 - ratio * decay)
    return effectiveness * least * maximum(supply_K - secondary_return_K, 0.0)


@register_jitable
def exchanger_return(
    heat_W: Any, supply_K: Any, secondary_supply_K: Any, secondary_return_K: Any, ua_W_per_K: Any
) -> Any:
    """Primary return temperature at which a counter-flow exchanger gives a heat.

    Solves heat = UA·LMTD for the cold-end difference by eight Newton steps in its logarithm.

    Parameters
    ----------
    heat_W, supply_K : float, array or symbol
    secondary_supply_K, secondary_return_K : float, array or symbol
        Held by the secondary side's control and radiators.
    ua_W_per_K : float

    Returns
    -------
    same shape
        K; at or above `supply_K` where the heat cannot be given.

    Notes
    -----
    With x the hot-end and y the cold-end difference, (x − y)/ln(x/y) = heat/UA increases
    in y, so the root is unique.
    """
    hot = maximum(supply_K - secondary_supply_K, 1e-3)
    mean = maximum(heat_W / ua_W_per_K, 1e-6)
    # w = ln(y/x): (e^w - 1)/w = mean/hot =: r
    target = mean / hot
    w = exchanger_first_guess(target)
    for _ in range(8):
        safe = w + 1e-9 * exp(-(w * w) * 1e12)
        grown = exp(minimum(safe, 60.0))
        value = log((grown - 1.0) / safe) - log(target)
        slope = grown / (grown - 1.0) - 1.0 / safe
        w = safe - value / slope
    return secondary_return_K + hot * exp(minimum(w, 12.0))


@register_jitable
def exchanger_first_guess(target: Any) -> Any:
    """Start for `exchanger_return`: w with (e^w − 1)/w near `target`.

    Parameters
    ----------
    target : float, array or symbol
        Positive.

    Returns
    -------
    same shape
    """
    # near 1: (e^w-1)/w ~ e^(w/2); small: ~ -1/w; the blend only starts Newton
    grow = 2.0 * log(target)
    small = -1.0 / minimum(target, 0.7)
    weight = 1.0 / (1.0 + exp(minimum(20.0 * (target - 0.4), 40.0)))
    return (1.0 - weight) * maximum(grow, -4.0) + weight * small


@register_jitable
def supply_temperature(
    setpoint_K: Any, return_K: Any, mass_flow: Any, capacity_W: Any, specific_heat: Any
) -> Any:
    """Outlet temperature of a plant: its set-point unless the capacity binds.

    Parameters
    ----------
    setpoint_K, return_K : float, array or symbol
    mass_flow : float, array or symbol
        kg/s through the plant; back flow counts as none.
    capacity_W : float, array or symbol
        Heat available now.
    specific_heat : float

    Returns
    -------
    same shape
        K; the plant never cools (return above set-point passes through).
    """
    rate = maximum(mass_flow, 1e-9) * specific_heat
    wanted = maximum(setpoint_K - return_K, 0.0)
    return return_K + minimum(wanted, capacity_W / rate)


@register_jitable
def bypass_opening(supply_K: Any, setpoint_K: Any, band_K: Any) -> Any:
    """Opening of a thermostatic bypass, 1 when cold and 0 when warm.

    Parameters
    ----------
    supply_K, setpoint_K, band_K : float, array or symbol
        The band is the temperature range from 88 % to 12 % open.

    Returns
    -------
    same shape
        0 to 1.
    """
    x = 4.0 * (supply_K - setpoint_K) / band_K
    return 1.0 / (1.0 + exp(maximum(minimum(x, 40.0), -40.0)))


@register_jitable
def thermostat_demand(room_K: Any, setpoint_K: Any, band_K: Any, design_heat_W: Any) -> Any:
    """Heat that a proportional room thermostat asks for.

    Parameters
    ----------
    room_K, setpoint_K, band_K : float, array or symbol
    design_heat_W : float

    Returns
    -------
    same shape
        W, from 0 at setpoint + band/2 to the design heat at setpoint − band/2.
    """
    share = (setpoint_K + 0.5 * band_K - room_K) / band_K
    return design_heat_W * maximum(minimum(share, 1.0), 0.0)


@register_jitable
def pump_head(mass_flow: Any, speed: Any, shut_off_Pa: Any, curvature: Any) -> Any:
    """Head of a pump by its quadratic curve and the affinity laws.

    Parameters
    ----------
    mass_flow : float, array or symbol
        kg/s, signed.
    speed : float, array or symbol
        Relative to nominal.
    shut_off_Pa, curvature : float
        Pa and Pa/(kg/s)².

    Returns
    -------
    same shape
        Pa.
    """
    return shut_off_Pa * speed * speed - curvature * mass_flow * absolute(mass_flow)


@register_jitable
def carnot_cop(hot_K: Any, cold_K: Any, quality: Any) -> Any:
    """Coefficient of performance as a fraction of Carnot's, capped at 8.

    Parameters
    ----------
    hot_K, cold_K : float, array or symbol
        Condenser (supply) and source temperature.
    quality : float
        Fraction of Carnot's, 0.4 to 0.6 for large machines.

    Returns
    -------
    same shape

    Examples
    --------
    >>> float(round(carnot_cop(343.15, 283.15, 0.5), 2))
    2.86
    """
    lift = maximum(hot_K - cold_K, 10.0)
    return minimum(maximum(quality * hot_K / lift, 1.0), 8.0)


@register_jitable
def leak_flow(pressure_Pa: Any, leak_kg_per_s: Any) -> Any:
    """Outflow through a leak.

    Parameters
    ----------
    pressure_Pa : float, array or symbol
        Absolute pressure at the leak; the outside is at 101325 Pa.
    leak_kg_per_s : float, array or symbol
        Outflow at 1 bar over the outside.

    Returns
    -------
    same shape
        kg/s, not negative.
    """
    return valve_flow(maximum(pressure_Pa - 101325.0, 0.0), leak_kg_per_s)


@register_jitable
def solar_heat(
    radiation_W_per_m2: Any,
    collector_K: Any,
    outdoor_K: Any,
    area_m2: Any,
    optical_efficiency: Any,
    loss_W_per_m2K: Any,
) -> Any:
    """Heat that a collector field can give now.

    Parameters
    ----------
    radiation_W_per_m2 : float, array or symbol
        Global radiation on the collector plane.
    collector_K, outdoor_K : float, array or symbol
        Mean collector temperature (mean of the plant's set-point and return) and air.
    area_m2, optical_efficiency, loss_W_per_m2K : float

    Returns
    -------
    same shape
        W, not negative.

    Notes
    -----
    Linear form of the Hottel–Whillier–Bliss equation (ISO 9806 with a2 = 0).
    """
    lost = loss_W_per_m2K * maximum(collector_K - outdoor_K, 0.0)
    return area_m2 * maximum(optical_efficiency * radiation_W_per_m2 - lost, 0.0)
