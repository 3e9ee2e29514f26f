"""Defects of meter series that would lead to a confident wrong network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rexdynnet.errors import Finding

Array = NDArray[np.float64]

_LEAST_ROWS = 72
_PLAUSIBLE_K = (223.15, 343.15)
_DAY_s = 86400.0
# a zone's own heat explains its warming; crossed, two others must do so by this much more
_SWAP_MARGIN = 0.25


def find_defects(
    zones: tuple[str, ...],
    time: pd.DatetimeIndex,
    temperature_K: Array,
    heat_W: Array,
    outdoor_K: Array,
    file: Path | None,
) -> list[Finding]:
    """Look for what no likelihood can mend.

    Parameters
    ----------
    zones : tuple of str
    time : DatetimeIndex of length t
    temperature_K, heat_W : (t, zones)
    outdoor_K : (t,)
    file : Path or None

    Returns
    -------
    list of Finding
        Too few rows, implausible values, constant sensors and heats, jumps of the clock,
        zones whose heat and temperature seem swapped.
    """
    found: list[Finding] = []
    if len(time) < _LEAST_ROWS:
        return [Finding(f"{len(time)} rows are too few", "give at least three days", file=file)]
    for column, zone in enumerate(zones):
        values = temperature_K[:, column]
        seen = values[np.isfinite(values)]
        where = f"{zone}_T"
        if len(seen) < len(values) // 4:
            found.append(
                Finding(
                    f"{zone} has a temperature in {len(seen)} of {len(values)} rows",
                    "leave the zone out or mend its sensor",
                    file=file,
                    field=where,
                )
            )
            continue
        if np.ptp(seen) < 1e-6:
            found.append(
                Finding(
                    f"the thermometer of {zone} always reads {seen[0] - 273.15:.2f} degC",
                    "a stuck sensor: leave the zone out",
                    file=file,
                    field=where,
                )
            )
        low, high = _PLAUSIBLE_K
        wrong = np.flatnonzero((values < low) | (values > high))
        if len(wrong):
            found.append(
                Finding(
                    f"{zone} is at {values[wrong[0]] - 273.15:.1f} degC",
                    "check the unit; leave a gap blank instead of a filler such as 0 or -999",
                    file=file,
                    row=int(wrong[0]) + 2,
                    field=where,
                )
            )
        if (heat_W[:, column] < -1.0).any():
            row = int(np.flatnonzero(heat_W[:, column] < -1.0)[0])
            found.append(
                Finding(
                    f"the heat of {zone} is negative",
                    "give the heat of each interval, not differences of a reset meter",
                    file=file,
                    row=row + 2,
                    field=f"{zone}_heat",
                )
            )
        given = heat_W[:, column][np.isfinite(heat_W[:, column])]
        if len(given) and given[0] > 0 and np.ptp(given) < 1e-6 * given[0]:
            found.append(
                Finding(
                    f"the heat meter of {zone} always reads {given[0]:.3g} W",
                    "a stuck meter: leave its column out, the zone then has an unmeasured heat",
                    file=file,
                    field=f"{zone}_heat",
                )
            )
    if np.isfinite(outdoor_K).any() and np.nanmax(outdoor_K) - np.nanmin(outdoor_K) < 1e-6:
        found.append(Finding("the outdoor temperature never changes", "a stuck sensor", file=file))
    if not found:
        found += _clock_jumps(time, file)
        found += _swapped(zones, temperature_K, heat_W, file)
    return found


def _clock_jumps(time: pd.DatetimeIndex, file: Path | None) -> list[Finding]:
    gaps = np.diff(time.to_numpy()).astype("timedelta64[ms]").astype(float) / 1e3
    usual = float(np.median(gaps))
    phase = np.cumsum(gaps) % usual
    off = np.minimum(phase, usual - phase) > 0.02 * usual
    # irregular sampling is welcome; a clock that was regular and then shifted is not
    regular = np.isclose(gaps, usual, rtol=0.02).mean() > 0.95
    if regular and off.any():
        row = int(np.flatnonzero(off)[0])
        return [
            Finding(
                f"the clock jumps by {gaps[row] - usual:+.0f} s at {time[row + 1]}",
                "set the times of one side right, or give the two parts as two files",
                file=file,
                row=row + 3,
            )
        ]
    return []


def _swapped(
    zones: tuple[str, ...], temperature_K: Array, heat_W: Array, file: Path | None
) -> list[Finding]:
    """Pairs of zones of which each warms up when the other is heated, and not by its own heat."""
    warming = np.diff(temperature_K, axis=0)
    heat = heat_W[:-1]
    count = len(zones)
    table = np.full((count, count), np.nan)
    for a in range(count):
        for b in range(count):
            both = np.isfinite(warming[:, a]) & np.isfinite(heat[:, b])
            if both.sum() > _LEAST_ROWS // 2 and heat[both, b].std() > 1.0:
                table[a, b] = _partial(warming[both, a], heat[both, b])
    return [
        Finding(
            f"{zones[a]} warms up with the heat of {zones[b]} and the other way round",
            "two names seem swapped in the export: exchange their heat columns",
            file=file,
            field=f"{zones[a]}_heat",
        )
        for a in range(count)
        for b in range(a + 1, count)
        if table[a, b] - table[a, a] > _SWAP_MARGIN and table[b, a] - table[b, b] > _SWAP_MARGIN
    ]


def _partial(warming: Array, heat: Array) -> float:
    spread = warming.std() * heat.std()
    if spread == 0.0:
        return 0.0
    return float(((warming - warming.mean()) * (heat - heat.mean())).mean() / spread)
