"""The story of a run: what was asked, what was delivered, what it cost, what went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from rexdynnet import __version__, plot
from rexdynnet.plot.times import start
from rexdynnet.report.definitions import defined
from rexdynnet.report.page import (
    Page,
    Section,
    heading,
    link,
    paragraph,
    picture,
    render,
    table,
    verbatim,
)
from rexdynnet.report.violations import Bound, Violation, find_violations
from rexdynnet.study.figures import describe_run, key_figures
from rexdynnet.units import format_duration

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

_MOST_CAUSES = 12
_UEUR = 1e6


def run_page(
    result: xr.Dataset,
    figures: Mapping[str, float] | None = None,
    *,
    ledger: Path | None = None,
) -> str:
    """The report of a run as one HTML page.

    Parameters
    ----------
    result : xarray.Dataset
        Of `rexdynnet.simulate` or `rexdynnet.run`.
    figures : mapping of str to float, optional
        Key figures by name as in `kpis.json`; without them those that the result carries.
    ledger : Path, optional
        Exported ledger of the run's market.

    Returns
    -------
    str
        Pictures and style are inside; what the run had no data for is left away.

    Raises
    ------
    InputError
        The result lacks what every run has, or the ledger is damaged.
    """
    worst = find_violations(result)
    parts = (
        _figures(result, figures),
        _violations(result, worst),
        _map(result),
        _modes(result),
        _schedule(result),
        _prices(result),
        _market(result),
        _ledger(ledger),
        _trajectories(result),
        _energy(result),
        _solver(result),
        _reproduce(result),
    )
    sections = tuple(part for part in parts if part is not None)
    name = str(result.attrs.get("scenario") or result.attrs.get("network") or "run")
    summary = f"{describe_run(result)}. {_verdict(worst)}"
    return render(Page(name, summary, sections, f"rexdynnet {__version__}"))


def _verdict(worst: tuple[Violation, ...]) -> str:
    if not worst:
        return "No bound was violated."
    texts = dict.fromkeys(one.bound.text for one in worst)
    return "Not kept: " + "; ".join(texts) + "."


def _figures(result: xr.Dataset, figures: Mapping[str, float] | None) -> Section:
    head = ("figure", "value", "unit", "definition")
    if not figures and "kpis" in result.attrs:
        found = json.loads(str(result.attrs["kpis"]))
        figures = {key: float(value) for key, value in found.items() if key != "rungs"}
    if figures:
        body = table(head, defined(figures), numbers=(1,))
    else:
        rows = [(one.label, f"{one.value:,.2f}", one.unit) for one in key_figures(result)]
        body = table(head[:3], rows, numbers=(1,))
    return Section("figures", "Key figures", body)


def _violations(result: xr.Dataset, worst: tuple[Violation, ...]) -> Section:
    title = "Worst violations"
    judged = _judged(result)
    if not worst:
        return Section("violations", title, paragraph(f"None. {judged}"))
    shown = [one for one in worst if one.bound is not Bound.RULE]
    rows = []
    for one in worst:
        number = f"instant-{shown.index(one) + 1}" if one in shown else "rules"
        total = "" if np.isnan(one.total) else f"{one.total:,.3g} {one.bound.integral_unit}"
        rows.append(
            (
                one.bound.text,
                one.component,
                link(number, clock(result, one.worst_s)),
                f"{one.worst:,.3g} {one.unit}",
                total,
                format_duration(one.duration_s),
            )
        )
    head = ("bound", "where", "worst instant", "by", "in all", "for")
    body = [paragraph(judged), table(head, rows, numbers=(3, 4, 5))]
    for number, one in enumerate(shown, start=1):
        text = f"{one.component}, {clock(result, one.worst_s)}: {one.bound.text}"
        body.append(heading(f"instant-{number}", text))
        body.append(picture(plot.instant(result, one.component, one.worst_s), text))
    if len(shown) < len(worst):
        body.append(heading("rules", "Rules over time"))
        body.append(picture(plot.robustness(result), "robustness of every rule; below 0: broken"))
    return Section("violations", title, "\n".join(body))


def _judged(result: xr.Dataset) -> str:
    if "substation_minimum_supply_temperature" not in result.variables:
        return "Judged: heat not delivered. The result does not carry the contracts' bounds."
    return (
        "Judged at the rows of the result: supply temperature and differential pressure against "
        "each substation's contract, heat delivered against demand, and the scenario's rules. "
        "The three worst substations of each bound are shown."
    )


def _map(result: xr.Dataset) -> Section | None:
    if "node_x_m" not in result.variables:
        return None
    text = "the network, its water at the instant in the title"
    return Section("map", "Network", picture(plot.network_map(result), text))


def _modes(result: xr.Dataset) -> Section | None:
    if not result.sizes.get("safety_event", 0):
        if "safety_mode" not in result.variables:
            return None
        text = "The safety maintainer watched and stayed in mode normal throughout."
        return Section("modes", "Modes", paragraph(text))
    names = ("time", "zone", "mode", "guard", "component")
    columns = [result[f"safety_event_{name}"].to_numpy() for name in names]
    rows = [
        (clock(result, float(at)), *(str(cell) for cell in cells))
        for at, *cells in zip(*columns, strict=True)
    ]
    body = [
        picture(plot.modes(result), "modes of every zone over the trajectories"),
        table(("instant", "zone", "to mode", "because", "component"), rows),
        picture(plot.curtailment(result), "what was withheld, refused and dumped"),
    ]
    return Section("modes", "Modes", "\n".join(body))


def _schedule(result: xr.Dataset) -> Section | None:
    if "unit_reserved_energy" not in result.variables:
        return None
    body = [picture(plot.commitments(result), "committed, planned, demanded and delivered heat")]
    reserved, demanded, delivered = (
        result[f"unit_{name}_energy"].to_numpy() / 3.6e6
        for name in ("reserved", "demanded", "delivered")
    )
    names = [str(name) for name in result["substation"].to_numpy()]
    missed = np.abs(demanded - reserved).sum(axis=0)
    short = np.maximum(demanded - delivered, 0.0).sum(axis=0)
    rows = [
        (
            names[column],
            *(f"{values.sum(axis=0)[column]:,.1f}" for values in (reserved, demanded, delivered)),
            f"{missed[column]:,.1f}",
            f"{short[column]:,.1f}",
        )
        for column in np.argsort(-missed, kind="stable")
    ]
    head = ("substation", "reserved", "demanded", "delivered", "imbalance", "shortfall")
    body.append(paragraph("Energies in kWh; imbalance and shortfall summed over time units."))
    body.append(table(head, rows, numbers=range(1, 6)))
    return Section("schedule", "Schedule against delivery", "\n".join(body))


def _prices(result: xr.Dataset) -> Section | None:
    if "heat_price" not in result.variables:
        return None
    body = picture(plot.heat_prices(result), "what one more MWh of heat costs, per substation")
    return Section("prices", "Prices", body)


def _market(result: xr.Dataset) -> Section | None:
    if "forward_ask" not in result:
        return None
    body = [
        picture(plot.forward_curves(result), "forward curves, and what heat cost in the end"),
        picture(plot.inventory(result), "what the exchange had sold of every unit"),
        picture(plot.reservations(result), "reserved, demanded and delivered per participant"),
        picture(plot.ledger_by_cause(result), "what every account gained and paid"),
        picture(plot.bills(result), "bills of all consumers"),
        picture(plot.price_map(result), "price of heat, in the unit in which places differ most"),
    ]
    if "flat_cost" in result:
        body.append(picture(plot.flat_bills(result), "bills of flats behind one participant"))
    return Section("market", "Market", "\n".join(body))


def _ledger(file: Path | None) -> Section | None:
    if file is None:
        return None
    from rexdynnet.market.ledger import audit_csv

    balances = audit_csv(file)
    total = sum(balances.values())
    rows = [(name, f"{amount / _UEUR:,.6f}") for name, amount in sorted(balances.items())]
    body = [
        paragraph(
            f"The ledger was added up again, transfer by transfer: {len(balances)} accounts whose "
            f"balances sum to {total} µEUR."
        ),
        table(("account", "balance, EUR"), rows, numbers=(1,)),
    ]
    return Section("ledger", "Ledger", "\n".join(body))


def _trajectories(result: xr.Dataset) -> Section:
    body = [picture(plot.overview(result), "weather, temperatures, heats, flows and pressures")]
    if "tank_temperature" in result.variables:
        body.append(picture(plot.tank(result), "temperatures in the tanks"))
    return Section("trajectories", "Trajectories", "\n".join(body))


def _energy(result: xr.Dataset) -> Section | None:
    if "energy_plants" not in result.variables:
        return None
    body = (
        picture(plot.energy_balance(result), "where the heat came from and where it went"),
        picture(plot.load_duration_curve(result), "for how long the heat was at least so high"),
    )
    return Section("energy", "Energy", "\n".join(body))


def _solver(result: xr.Dataset) -> Section | None:
    if "control_rung_name" not in result.variables:
        return None
    rungs, counts = np.unique(
        result["control_rung_name"].to_numpy().astype(str), return_counts=True
    )
    iterations = result["control_iterations"].to_numpy()
    body = [
        paragraph(
            f"{len(iterations)} decisions, {int(iterations.sum())} solver iterations, at most "
            f"{int(iterations.max())} in one step."
        ),
        table(
            ("rung of the failure ladder", "decisions"),
            [(str(rung), str(count)) for rung, count in zip(rungs, counts, strict=True)],
            numbers=(1,),
        ),
        *_causes(result),
        picture(plot.solver_effort(result), "iterations and rung of every decision"),
        picture(plot.control_inputs(result), "inputs applied, with bounds and reference"),
    ]
    if "model_mismatch" in result.variables:
        rows = [
            (str(name), f"{value:.3g}")
            for name, value in zip(
                result["observed"].to_numpy(), result["model_mismatch"].to_numpy(), strict=True
            )
        ]
        body.append(paragraph("Root mean square of measured minus predicted one step ahead, SI."))
        body.append(table(("measured", "mismatch"), rows, numbers=(1,)))
    return Section("solver", "Solver health", "\n".join(body))


def _causes(result: xr.Dataset) -> Iterator[str]:
    """Decisions that say why they left the first rung."""
    cause = result["control_cause"].to_numpy().astype(str)
    rows = [
        (
            clock(result, float(result["control_time"].to_numpy()[step])),
            str(result["control_rung_name"].to_numpy()[step]),
            str(result["control_outcome_name"].to_numpy()[step]),
            str(cause[step]),
        )
        for step in np.flatnonzero(cause != "")
    ]
    if rows:
        if len(rows) > _MOST_CAUSES:
            yield paragraph(f"The first {_MOST_CAUSES} of {len(rows)} decisions with a cause:")
        yield table(("instant", "rung", "outcome", "cause"), rows[:_MOST_CAUSES])


def _reproduce(result: xr.Dataset) -> Section:
    known = {
        "scenario": "scenario",
        "scenario hash (SHA-256)": "scenario_hash",
        "seed": "seed",
        "network": "network",
        "method": "method",
        "controller": "controller",
        "safety policy": "safety_policy",
        "rexdynnet": "rexdynnet_version",
        "libraries": "library_versions",
        "warnings": "warnings",
    }
    rows = [
        (label, str(result.attrs[key]))
        for label, key in known.items()
        if str(result.attrs.get(key, "")) != ""
    ]
    command = "run" if "control_input" in result.variables else "simulate"
    text = str(result.attrs.get("scenario_text", ""))
    body = [table(("what", "value"), rows)]
    if text:
        body += [
            paragraph(
                f"The same scenario, network, series and versions give the same numbers: "
                f"rexdynnet {command} SCENARIO.toml -o OUT, with SCENARIO.toml as follows; the "
                "hash also covers the network and series that it names."
            ),
            verbatim(text),
        ]
    return Section("reproduce", "To reproduce it", "\n".join(body))


def clock(result: xr.Dataset, time_s: float) -> str:
    """An instant of a run, for people.

    Parameters
    ----------
    result : xarray.Dataset
    time_s : float
        Since the start.

    Returns
    -------
    str
        In UTC; hours since the start where the result does not say when that was.
    """
    begin = start(result)
    if begin is None:
        return f"{time_s / 3600.0:.2f} h"
    return f"{begin + timedelta(seconds=time_s):%Y-%m-%d %H:%M:%S} UTC"
