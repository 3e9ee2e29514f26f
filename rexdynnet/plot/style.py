"""Colours, units and axes that every picture shares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure, SubFigure
from PIL import Image

ZERO_CELSIUS_K = 273.15
DOTS_PER_INCH = 150
WIDTH_INCH = 8.0
_LARGE_BYTE = 250_000


class Colour(StrEnum):
    """The Okabe-Ito palette by what it stands for in a picture.

    Notes
    -----
    M. Okabe and K. Ito, *Color Universal Design*, 2008: told apart with every
    common kind of colour blindness.
    """

    SUPPLY = "#D55E00"
    RETURN = "#0072B2"
    OUTDOOR = "#56B4E9"
    DEMAND = "#000000"
    DELIVERED = "#009E73"
    STORED = "#E69F00"
    UNSERVED = "#CC79A7"
    LOST = "#8C8C8C"
    FAINT = "#D9D9D9"


# Several plants are told apart by the dash, not by the colour, which says supply or return.
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (8, 3)))


def _part_of(name: str, start: float, stop: float) -> ListedColormap:
    whole = matplotlib.colormaps[name]
    return ListedColormap(whole(np.linspace(start, stop, 256)), name=f"{name}_part")


# Single-hue ramps: lightness alone orders them; the pale ends would vanish on white paper.
SUPPLY_MAP = _part_of("YlOrRd", 0.25, 1.0)
RETURN_MAP = LinearSegmentedColormap.from_list("return", ["#08306B", "#2171B5", "#9ECAE1"], 256)
FIELD_MAP = matplotlib.colormaps["cividis"]


class Picture(Figure):
    """A figure that saves itself small and with searchable text.

    Behaves as `matplotlib.figure.Figure`; only `savefig` has other defaults
    (150 dots per inch, so 1200 pixels at the usual width; text in an SVG stays text;
    no date inside, so that the same data give the same bytes).
    """

    def savefig(self, fname: Any, *, transparent: bool | None = None, **kwargs: Any) -> None:
        """Save as `matplotlib.figure.Figure.savefig` does.

        Parameters
        ----------
        fname : str, Path or file
            The suffix (or `format=`) decides the format: PNG, SVG or PDF.
        transparent : bool or None
            As in matplotlib.
        **kwargs
            As in matplotlib.
        """
        kwargs.setdefault("dpi", DOTS_PER_INCH)
        kind = str(kwargs.get("format") or str(getattr(fname, "name", fname)).rpartition(".")[2])
        if kind.lower() == "png" and not transparent and not {"pil_kwargs", "metadata"} & {*kwargs}:
            buffer = BytesIO()
            super().savefig(buffer, **{**kwargs, "format": "png"})
            _save_small(buffer, fname)
            return
        if kind.lower() == "svg":
            kwargs.setdefault("metadata", {"Date": None})
        with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rexdynnet"}):
            super().savefig(fname, transparent=transparent, **kwargs)

    def _repr_png_(self) -> bytes:
        """Show the picture in a notebook without pyplot."""
        buffer = BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def _save_small(png: BytesIO, fname: Any) -> None:
    """Save a PNG with its exact colours, or with 256 of them where it would be large."""
    whole = Image.open(png).convert("RGB")
    exact = BytesIO()
    whole.save(exact, format="png", optimize=True, dpi=(DOTS_PER_INCH, DOTS_PER_INCH))
    if len(exact.getvalue()) > _LARGE_BYTE:
        # The method whose largest error is least: a small symbol keeps its colour.
        whole = whole.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    whole.save(fname, format="png", optimize=True, dpi=(DOTS_PER_INCH, DOTS_PER_INCH))


def new_picture(height_inch: float = 4.0, width_inch: float = WIDTH_INCH) -> Picture:
    """An empty picture with constrained layout.

    Parameters
    ----------
    height_inch, width_inch : float
        Size; 8 inches wide make 1200 pixels.

    Returns
    -------
    Picture
    """
    return Picture(figsize=(width_inch, height_inch), layout="constrained")


def figure_of(ax: Axes) -> Figure:
    """The root figure that `ax` stands in.

    Parameters
    ----------
    ax : Axes

    Returns
    -------
    Figure
    """
    figure = ax.get_figure()
    while isinstance(figure, SubFigure):
        figure = figure.figure
    if figure is None:
        raise ValueError("ax belongs to no figure; take it from figure.subplots()")
    return figure


def axes_or_new(ax: Axes | None, height_inch: float = 4.0) -> Axes:
    """`ax` itself, or the only axes of a new picture.

    Parameters
    ----------
    ax : Axes or None
    height_inch : float
        Height of the new picture.

    Returns
    -------
    Axes
    """
    return new_picture(height_inch).subplots() if ax is None else ax


@dataclass(frozen=True)
class Scale:
    """How an SI value is shown: `factor * (value - offset)` in `unit`."""

    unit: str
    factor: float = 1.0
    offset: float = 0.0

    def __call__(self, value: Any) -> Any:
        """Convert a value or array."""
        return self.factor * (np.asarray(value, float) - self.offset)


CELSIUS = Scale("°C", offset=ZERO_CELSIUS_K)
KELVIN_DIFFERENCE = Scale("K")
BAR = Scale("bar", 1e-5)
FLOW = Scale("kg/s")
METRE = Scale("m")


def _scaled(values: Iterable[Any], steps: tuple[tuple[float, str], ...]) -> Scale:
    largest = max((float(np.max(np.abs(v))) for v in values if np.size(v)), default=0.0)
    for size, unit in steps[:-1]:
        if largest >= 2 * size:
            return Scale(unit, 1 / size)
    size, unit = steps[-1]
    return Scale(unit, 1 / size)


def power_scale(*values: Any) -> Scale:
    """The scale in which all `values` (W) read well: W, kW, MW or GW.

    Parameters
    ----------
    *values : array_like
        Powers in W.

    Returns
    -------
    Scale

    Examples
    --------
    >>> power_scale([0.0, 4.2e5]).unit
    'kW'
    """
    return _scaled(values, ((1e9, "GW"), (1e6, "MW"), (1e3, "kW"), (1.0, "W")))


def energy_scale(*values: Any) -> Scale:
    """The scale in which all `values` (J) read well: Wh, kWh, MWh or GWh.

    Parameters
    ----------
    *values : array_like
        Energies in J.

    Returns
    -------
    Scale

    Examples
    --------
    >>> energy_scale([7.2e10]).unit
    'MWh'
    """
    return _scaled(values, ((3.6e12, "GWh"), (3.6e9, "MWh"), (3.6e6, "kWh"), (3.6e3, "Wh")))


def dress(ax: Axes, *, x: str | None = None, y: str | None = None, title: str = "") -> None:
    """Give axes their labels and the common look.

    Parameters
    ----------
    ax : Axes
    x, y : str or None
        Labels with their unit; None leaves the axis as it is.
    title : str
        Set at the left, empty for none.
    """
    if x is not None:
        ax.set_xlabel(x)
    if y is not None:
        ax.set_ylabel(y)
    if title:
        ax.set_title(title, loc="left", fontsize=10)
    ax.grid(True, color=Colour.FAINT.value, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def legend_beside(ax: Axes) -> None:
    """Put the legend right of the axes, where it covers no data.

    Parameters
    ----------
    ax : Axes
    """
    if ax.get_legend_handles_labels()[0]:
        ax.legend(
            loc="upper left",
            bbox_to_anchor=(1.005, 1.02),
            frameon=False,
            fontsize=9,
            handlelength=1.8,
            borderaxespad=0.2,
        )
