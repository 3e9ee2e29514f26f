"""From rows of substations.csv to substations: return laws, valves and buildings."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite, sqrt

from rexdynnet.network import records, spec
from rexdynnet.network.assembly import Assembly
from rexdynnet.network.design import design_flow
from rexdynnet.network.entries import Entry
from rexdynnet.network.graph import Network
from rexdynnet.network.parsing import to_si

VALVE_RESERVE = 1.2
"""Flow of a valve that no file sizes, over its design flow at the promised pressure."""

_RETURN_LAW = ("return_temperature_K", "cooling_difference_K", "exchanger_ua_W_per_K")


def read_substations(work: Assembly, network: Network) -> tuple[spec.Substation, ...]:
    """Make the substations of substations.csv.

    Parameters
    ----------
    work : Assembly
        Gets the findings.
    network : Network
        Its fluid and heating curve size the valves that no file sizes.

    Returns
    -------
    tuple of Substation
    """
    defaults = work.defaults(records.SubstationRow, "substations")
    substations: list[spec.Substation] = []
    for raw in work.tables.substations:
        entry = to_si(records.SubstationRow, raw, work.findings)
        base = dict(defaults)
        if any(key in entry.values for key in _RETURN_LAW):
            base = {key: value for key, value in base.items() if key not in _RETURN_LAW}
        entry = replace(entry, values={**base, **entry.values})
        row = work.parse(records.SubstationRow, entry)
        if row is None:
            continue
        law, building = _return_law(work, row, entry), _building(work, row, entry)
        ends = work.terminals(row, entry)
        name = row.name or row.node
        if name is None:
            work.report(entry, "name is missing", "add the column name", "name")
        if ends is None or law is None or name is None:
            continue
        made = spec.Substation(
            name=name,
            supply_node=ends[0],
            return_node=ends[1],
            design_heat_W=row.design_heat_W,
            valve_kv_kg_per_s=row.valve_kv_kg_per_s or 0.0,
            control=row.control,
            return_law=law,
            minimum_differential_pressure_Pa=row.minimum_differential_pressure_Pa,
            minimum_supply_temperature_K=row.minimum_supply_temperature_K,
            priority=row.priority,
            building=building,
        )
        work.remember("component", name, entry)
        substations.append(_with_valve(made, row, network))
    return tuple(substations)


def _with_valve(
    made: spec.Substation, row: records.SubstationRow, network: Network
) -> spec.Substation:
    if row.valve_kv_kg_per_s is not None:
        return made
    if row.valve_kv_m3_per_s is not None:
        # Kv is stated for water of 1000 kg/m3
        kv = row.valve_kv_m3_per_s * sqrt(1000.0 * network.fluid.density_kg_per_m3)
    else:
        promised = max(made.minimum_differential_pressure_Pa, 1.0e3)
        flow = design_flow(network, made)
        # an impossible design flow is found, and named, by the checks
        kv = VALVE_RESERVE * (flow if isfinite(flow) else 1.0) / sqrt(promised / 1.0e5)
    return replace(made, valve_kv_kg_per_s=kv)


def _return_law(work: Assembly, row: records.SubstationRow, entry: Entry) -> spec.ReturnLaw | None:
    given = [key for key in _RETURN_LAW if getattr(row, key) is not None]
    if len(given) > 1:
        remedy = "keep one: a fixed return temperature, a fixed cooling, or an exchanger"
        work.report(entry, f"{' and '.join(given)} are both given", remedy, given[1], row.name)
        return None
    if row.cooling_difference_K is not None:
        return spec.FixedCooling(row.cooling_difference_K)
    if row.exchanger_ua_W_per_K is not None:
        secondary = {
            key: value
            for key, value in (
                ("secondary_supply_K", row.secondary_supply_temperature_K),
                ("secondary_return_K", row.secondary_return_temperature_K),
            )
            if value is not None
        }
        return spec.Exchanger(row.exchanger_ua_W_per_K, **secondary)
    if row.return_temperature_K is not None:
        return spec.FixedReturn(row.return_temperature_K)
    remedy = "add return_temperature_degC, cooling_difference_K or exchanger_ua_W_per_K"
    work.report(entry, "nothing says how warm the water returns", remedy, _RETURN_LAW[0], row.name)
    return None


def _building(work: Assembly, row: records.SubstationRow, entry: Entry) -> spec.Building | None:
    fields = {
        "capacity_J_per_K": row.building_capacity_J_per_K,
        "loss_W_per_K": row.building_loss_W_per_K,
        "setpoint_K": row.building_setpoint_temperature_K,
        "band_K": row.building_band_K,
        "solar_area_m2": row.building_solar_area_m2,
    }
    given = {key: value for key, value in fields.items() if value is not None}
    if not given:
        return None
    if row.building_capacity_J_per_K is None or row.building_loss_W_per_K is None:
        lacking = "building_capacity_J_per_K" if "capacity_J_per_K" not in given else None
        column = lacking or "building_loss_W_per_K"
        work.report(entry, f"{column} is missing", f"add {column}", column, row.name)
        return None
    return spec.Building(**given)
