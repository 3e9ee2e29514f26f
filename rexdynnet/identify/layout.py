"""What is known of a building besides its meters: which zones touch, where they lie."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.rc import RowLabel


@dataclass(frozen=True)
class Layout:
    """What is known of a building besides its meters.

    Parameters
    ----------
    adjacent : tuple of (str, str)
        Zones that touch; empty: any two may.
    position_m : mapping of str to (float, float)
        Where zones lie in a picture.
    rows : RowLabel
    resolution_J : mapping of str to float
        Of coarse heat meters.
    """

    adjacent: tuple[tuple[str, str], ...] = ()
    position_m: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    rows: RowLabel = RowLabel.START
    resolution_J: Mapping[str, float] = field(default_factory=dict)

    def pairs(self, zones: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        """Adjacent pairs, each once, in the order of `zones`."""
        known = {frozenset(pair) for pair in self.adjacent}
        return tuple(
            (a, b)
            for place, a in enumerate(zones)
            for b in zones[place + 1 :]
            if frozenset((a, b)) in known
        )


class _ZoneEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    x_m: float | None = None
    y_m: float | None = None
    resolution_kWh: float | None = None


class _LayoutEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rows: str = "start"
    adjacent: list[tuple[str, str]] = []
    zones: list[_ZoneEntry] = []


def read_layout(file: str | Path) -> Layout:
    """Read a layout from a TOML file.

    Parameters
    ----------
    file : str or Path
        Keys `rows` ("start" or "end"), `adjacent` (pairs of names), and under
        `[[zones]]` name, x_m, y_m, resolution_kWh.

    Returns
    -------
    Layout

    Raises
    ------
    InputError
        The file is no such TOML.
    """
    path = Path(file)
    try:
        entry = _LayoutEntry.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(
            Finding(f"the layout cannot be read ({error.strerror})", "name a TOML file", file=path)
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(Finding(f"no TOML: {error}", "mend that line", file=path)) from None
    except ValidationError as error:
        raise InputError(
            *(
                Finding(
                    one["msg"],
                    "see the page on preparing a meter export",
                    file=path,
                    field=".".join(map(str, one["loc"])),
                )
                for one in error.errors()
            )
        ) from None
    if entry.rows not in ("start", "end"):
        raise InputError(
            Finding(f"rows is {entry.rows!r}", 'write "start" or "end"', file=path, field="rows")
        )
    return Layout(
        tuple(entry.adjacent),
        {
            zone.name: (zone.x_m, zone.y_m)
            for zone in entry.zones
            if zone.x_m is not None and zone.y_m is not None
        },
        RowLabel[entry.rows.upper()],
        {
            zone.name: zone.resolution_kWh * 3.6e6
            for zone in entry.zones
            if zone.resolution_kWh is not None
        },
    )


def check_layout(layout: Layout, zones: tuple[str, ...]) -> None:
    """Check that a layout names only zones that have a meter.

    Raises
    ------
    InputError
        It names others.
    """
    named = {zone for pair in layout.adjacent for zone in pair}
    stray = sorted((named | set(layout.position_m) | set(layout.resolution_J)) - set(zones))
    if stray:
        raise InputError(
            *(
                Finding(
                    f"the layout names {zone}, which has no meter",
                    f"use the names of the meter file: {', '.join(zones)}",
                )
                for zone in stray
            )
        )
