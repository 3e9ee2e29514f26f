"""Pipe catalogue: pre-bonded steel pipes by nominal diameter and insulation series.

Figures: steel pipe outer diameters after EN 10220, usual wall thicknesses of
pre-bonded pipes, casing diameters and thicknesses after EN 253 (series 1 to 3)
and, for twin pipes, EN 15698-1 (series 1 and 2) with the clear distance between
the service pipes as in common product catalogues.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import nearest

FOAM_CONDUCTIVITY_W_per_mK = 0.029
"""Largest conductivity of unaged rigid polyurethane foam at 50 °C that EN 253 admits."""
CASING_CONDUCTIVITY_W_per_mK = 0.40
"""High-density polyethylene (EN 253)."""
STEEL_ROUGHNESS_m = 1e-4
"""Steel pipe in service (0.045 mm when new)."""

# DN: outer diameter, wall, casing diameters of series 1, 2, 3 [mm]
_SINGLE: dict[int, tuple[float, float, tuple[int, int, int]]] = {
    20: (26.9, 2.6, (90, 110, 125)),
    25: (33.7, 2.6, (90, 110, 125)),
    32: (42.4, 2.6, (110, 125, 140)),
    40: (48.3, 2.6, (110, 125, 140)),
    50: (60.3, 2.9, (125, 140, 160)),
    65: (76.1, 2.9, (140, 160, 180)),
    80: (88.9, 3.2, (160, 180, 200)),
    100: (114.3, 3.6, (200, 225, 250)),
    125: (139.7, 3.6, (225, 250, 280)),
    150: (168.3, 4.0, (250, 280, 315)),
    200: (219.1, 4.5, (315, 355, 400)),
    250: (273.0, 5.0, (400, 450, 500)),
    300: (323.9, 5.6, (450, 500, 560)),
    350: (355.6, 5.6, (500, 560, 630)),
    400: (406.4, 6.3, (560, 630, 710)),
}
# casing diameter: thickness [mm]
_CASING = {
    90: 3.0, 110: 3.0, 125: 3.0, 140: 3.0, 160: 3.0, 180: 3.0, 200: 3.2, 225: 3.4, 250: 3.6,
    280: 3.9, 315: 4.1, 355: 4.5, 400: 4.8, 450: 5.2, 500: 5.6, 560: 6.0, 630: 6.6, 710: 7.2,
}  # fmt: skip
# DN: clear distance, casing diameters of series 1, 2 [mm]
_TWIN: dict[int, tuple[float, tuple[int, int]]] = {
    20: (19, (125, 140)),
    25: (19, (140, 160)),
    32: (19, (160, 180)),
    40: (19, (160, 180)),
    50: (20, (200, 225)),
    65: (20, (225, 250)),
    80: (25, (250, 280)),
    100: (25, (315, 355)),
    125: (30, (400, 450)),
    150: (40, (450, 500)),
    200: (45, (560, 630)),
}

_NAME = re.compile(r"^\s*DN\s*(\d+)\s*(twin)?\s*(?:series|/)\s*(\d)\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class CatalogueType:
    """One catalogue entry, all lengths in metres.

    Parameters
    ----------
    inner_diameter_m, wall_thickness_m : float
        Of the steel service pipe.
    insulation_thickness_m, casing_thickness_m : float
        Of single pipes; 0 for twin pipes.
    casing_diameter_m : float
        Outer.
    spacing_m : float or None
        Distance between the centres of the service pipes of a twin pipe.
    """

    name: str
    inner_diameter_m: float
    wall_thickness_m: float
    insulation_thickness_m: float
    casing_thickness_m: float
    casing_diameter_m: float
    spacing_m: float | None = None


def pipe_types() -> tuple[str, ...]:
    """List the names of all catalogue types.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> len(pipe_types()), pipe_types()[0]
    (67, 'DN20 series 1')
    """
    single = [f"DN{dn} series {series}" for dn in _SINGLE for series in (1, 2, 3)]
    twin = [f"DN{dn} twin series {series}" for dn in _TWIN for series in (1, 2)]
    return (*single, *twin)


def pipe_type(name: str) -> CatalogueType:
    """Look a pipe type up by its name.

    Parameters
    ----------
    name : str
        Such as `DN80 series 2`, `DN80/2` or `DN50 twin series 1`.

    Returns
    -------
    CatalogueType

    Raises
    ------
    InputError
        The catalogue has no such type.

    Examples
    --------
    >>> pipe_type("DN80 series 2").inner_diameter_m
    0.0825
    """
    match = _NAME.match(name)
    if match is None or not _known(match):
        raise InputError(
            Finding(
                f"the catalogue has no pipe type '{name}'",
                nearest(name, pipe_types()),
                field="pipe_type",
            )
        )
    dn, series = int(match.group(1)), int(match.group(3))
    outer, wall, casings = _SINGLE[dn]
    inner_mm = round(outer - 2 * wall, 3)
    if match.group(2):
        clear, twin_casings = _TWIN[dn]
        casing = twin_casings[series - 1]
        return CatalogueType(
            f"DN{dn} twin series {series}",
            inner_mm / 1000,
            wall / 1000,
            0.0,
            0.0,
            casing / 1000,
            round(outer + clear, 3) / 1000,
        )
    casing = casings[series - 1]
    thickness = _CASING[casing]
    insulation_mm = round((casing - outer) / 2 - thickness, 3)
    return CatalogueType(
        f"DN{dn} series {series}",
        inner_mm / 1000,
        wall / 1000,
        insulation_mm / 1000,
        thickness / 1000,
        casing / 1000,
    )


def _known(match: re.Match[str]) -> bool:
    dn, twin, series = int(match.group(1)), bool(match.group(2)), int(match.group(3))
    return 1 <= series <= (2 if twin else 3) and dn in (_TWIN if twin else _SINGLE)
