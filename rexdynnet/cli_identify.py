"""What `rexdynnet identify` does: fit, write the network, make the report page."""

from __future__ import annotations

import base64
import html
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from rexdynnet.cli_output import staged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rexdynnet.identify.meters import Meters
    from rexdynnet.identify.profile import Profile
    from rexdynnet.identify.validation import Comparison, Whiteness
    from rexdynnet.network.rc import Coupling, Parameter, RCNetwork

_CURVES = 9
_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;font-size:13px}td,th{padding:.2em .7em;text-align:left;"
    "border-bottom:1px solid #ddd;vertical-align:top}td.n{text-align:right}img{max-width:100%}"
)


@dataclass(frozen=True)
class Asked:
    """What the user asks for besides the network.

    Parameters
    ----------
    blocks : int
        Of the cross-validation; 0 for none.
    halves : int
        Above 0: ask which couplings exist, by likelihood, and again on as many halves of the
        record; 0: keep all pairs and predict days as well as can be.
    profile : bool
        Ask which couplings exist, with their intervals by profile likelihood.
    """

    blocks: int = 0
    halves: int = 0
    profile: bool = False


def identify_to_files(
    meters_file: Path,
    layout_file: Path | None,
    out: Path,
    asked: Asked,
    report: Callable[[str], None],
) -> Iterable[str]:
    """Fit a network to a meter file and write it with its report page.

    Parameters
    ----------
    meters_file : Path
    layout_file : Path or None
    out : Path
        The TOML; the page gets the same name with the ending .html.
    asked : Asked
    report : callable
        Told about the progress.

    Yields
    ------
    str
        Lines for the terminal.
    """
    from rexdynnet.identify.fit import Criterion, FitOptions
    from rexdynnet.identify.layout import Layout, read_layout
    from rexdynnet.identify.meters import read_meters
    from rexdynnet.identify.profile import profile_couplings, with_profiles
    from rexdynnet.identify.spacemeter import identify
    from rexdynnet.identify.validation import cross_validate, whiteness
    from rexdynnet.network.rc_files import building_text

    begin = perf_counter()
    layout = Layout() if layout_file is None else read_layout(layout_file)
    report(f"heat and weather of a row act {layout.rows.value}")
    meters = read_meters(meters_file, rows=layout.rows, resolution_J=dict(layout.resolution_J))
    report(f"{len(meters.zones)} zones, {len(meters.time)} rows; fitting ...")
    options = FitOptions()
    if asked.halves or asked.profile:
        options = FitOptions(Criterion.LIKELIHOOD, select=True, halves=asked.halves)
    found = identify(meters, layout, options=options, report=report)
    network = found.network
    profiles: Mapping[Parameter, Profile] = {}
    if asked.profile:
        profiles = profile_couplings(found, report=report)
        network = with_profiles(network, profiles)
    tests = whiteness(network, meters)
    compared = None
    if asked.blocks:
        report(f"cross-validating over {asked.blocks} blocks of time ...")
        compared = cross_validate(meters, blocks=asked.blocks, report=report)
    figures = _figures(network, meters, layout.position_m, profiles)
    page = _page(network, figures, tests, compared)
    with staged(out.parent) as folder:
        (folder / out.name).write_text(building_text(network), encoding="utf-8")
        (folder / out.with_suffix(".html").name).write_text(page, encoding="utf-8")
    yield from _summary(network, tests, asked.halves)
    yield from ([] if compared is None else compared.lines())
    yield f"fitted in {perf_counter() - begin:.1f} s; written:"
    yield f"  {out}"
    yield f"  {out.with_suffix('.html')}"


def _summary(network: RCNetwork, tests: tuple[Whiteness, ...], halves: int) -> list[str]:
    from rexdynnet.network.rc import Quantity

    pairs = [pair for pair in network.couplings if pair.selected]
    total = sum(network.value(Quantity.OUTDOOR, zone) for zone in network.zones)
    verdicts = Counter(pair.conductance.verdict.name for pair in network.couplings)
    counted = ", ".join(
        f"{number} {name.lower().replace('_', ' ')}" for name, number in sorted(verdicts.items())
    )
    basis = f"kept in {halves} halves of the record" if halves else "of one fit; see --halves"
    lines = [
        f"{len(network.zones)} zones, {len(pairs)} couplings of {len(network.couplings)} pairs",
        f"  couplings: {counted}",
        f"  air nodes to the outside {total:.0f} W/K in all",
        f"  one-step errors are white in {sum(one.white for one in tests)} of {len(tests)} zones",
    ]
    ordered = sorted(network.couplings, key=lambda pair: -pair.conductance.value)
    strongest = [pair for pair in ordered if pair.selected][:5]
    # not kept and yet not excluded: these decide whether the graph can be trusted
    doubtful = [pair for pair in ordered if 0.2 < pair.probability < 0.8 and halves]
    lines += [f"  strongest, with probability ({basis}):", *map(_line, strongest)]
    if doubtful:
        lines += ["  in doubt:", *map(_line, doubtful)]
    return lines


def _line(pair: Coupling) -> str:
    one = pair.conductance
    kept = "" if pair.selected else ", not kept"
    return (
        f"    {pair.zone} - {pair.other}: {one.value:.0f} W/K "
        f"({one.lower:.0f} to {one.upper:.0f}), probability {pair.probability:.2f}{kept}"
    )


def _figures(
    network: RCNetwork, meters: Meters, position_m: object, profiles: Mapping[Parameter, Profile]
) -> dict[str, tuple[str, Figure]]:
    from rexdynnet import plot
    from rexdynnet.identify.validation import cumulated_periodogram, day_ahead, residuals

    errors = residuals(network, meters)
    seen = [column[np.isfinite(column)] for column in errors.T]
    curves = {
        zone: cumulated_periodogram(values[len(values) // 10 :])
        for zone, values in zip(network.zones, seen, strict=True)
    }
    limit = 1.63 / np.sqrt(min(len(curve) for curve in curves.values()))
    predicted = day_ahead(network, meters)
    figures = {
        "graph": (
            "Zones and what conducts between them",
            plot.building(network, position_m=position_m),  # pyright: ignore
        ),
        "days": (
            "Days predicted open loop, each from the history before it, and measured",
            plot.zone_predictions(
                meters.time.to_numpy(), network.zones, meters.temperature_K, predicted
            ),
        ),
        "periodogram": (
            "Cumulated periodogram of the one-step errors",
            plot.cumulated_periodograms(curves, limit),
        ),
    }
    if profiles:
        limit, curves = _least_known(profiles)
        figures["profiles"] = (
            "Couplings that the data know least: all else fitted again at every conductance",
            plot.coupling_profiles(curves, limit),
        )
    return figures


def _least_known(
    profiles: Mapping[Parameter, Profile],
) -> tuple[float, dict[str, tuple[np.ndarray, np.ndarray]]]:
    from rexdynnet.identify.verdict import HALF_CHI2_90
    from rexdynnet.network.rc import Verdict

    ordered = sorted(
        profiles.values(),
        key=lambda one: (one.estimate.verdict is Verdict.IDENTIFIED, -one.estimate.upper),
    )
    return HALF_CHI2_90, {
        f"{one.parameter.zone} - {one.parameter.other}": (one.conductance, one.fall)
        for one in ordered[:_CURVES]
    }


def _page(
    network: RCNetwork,
    figures: dict[str, tuple[str, Figure]],
    tests: tuple[Whiteness, ...],
    compared: Comparison | None,
) -> str:
    parts = [f"<p>{html.escape(network.provenance)}</p>"]
    for title, figure in figures.values():
        buffer = BytesIO()
        figure.savefig(buffer, format="png")
        data = base64.b64encode(buffer.getvalue()).decode()
        parts.append(
            f"<h2>{html.escape(title)}</h2>"
            f'<img alt="{html.escape(title)}" src="data:image/png;base64,{data}">'
        )
    if compared is not None:
        lines = "\n".join(compared.lines())
        parts.append(f"<h2>A day open loop on hidden blocks</h2><pre>{html.escape(lines)}</pre>")
    rows = [
        (
            one.zone,
            f"{one.deviation:.2f}",
            f"{one.ljung_box_p:.3f}",
            f"{one.periodogram_gap:.2f} (limit {one.periodogram_limit:.2f})",
            "white" if one.white else "not white: something acts that no meter shows",
        )
        for one in tests
    ]
    head = ("zone", "deviation", "Ljung-Box p", "periodogram gap", "verdict")
    parts.append("<h2>One-step errors</h2>" + _table(head, rows))
    parts.append("<h2>Couplings</h2>" + _table(_HEAD, _coupling_rows(network)))
    parts.append("<h2>Zones</h2>" + _table(_HEAD, _parameter_rows(network)))
    body = "".join(parts)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Building from meters</title>'
        f"<style>{_STYLE}</style><body><h1>Building from meters</h1>{body}</body></html>\n"
    )


_HEAD = ("quantity", "value", "90 % interval", "unit", "verdict", "why, and what would settle it")


def _coupling_rows(network: RCNetwork) -> list[tuple[str, ...]]:
    ordered = sorted(network.couplings, key=lambda pair: -pair.conductance.value)
    return [
        (
            f"{pair.zone} – {pair.other}",
            f"{pair.conductance.value:.3g}",
            f"{pair.conductance.lower:.3g} to {pair.conductance.upper:.3g}",
            f"W/K, probability {pair.probability:.2f}",
            pair.conductance.verdict.name.lower().replace("_", " "),
            pair.conductance.reason,
        )
        for pair in ordered
    ]


def _parameter_rows(network: RCNetwork) -> list[tuple[str, ...]]:
    return [
        (
            str(parameter),
            f"{one.value:.3g}",
            f"{one.lower:.3g} to {one.upper:.3g}",
            parameter.quantity.unit.replace("_per_", "/"),
            one.verdict.name.lower().replace("_", " "),
            one.reason,
        )
        for parameter, one in network.estimates.items()
    ]


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"
