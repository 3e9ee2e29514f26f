"""Common exercise CE_0 of DESTEST: a steady case that several tools answered.

There is no measured truth, only agreement: an answer is judged by whether it
lies between the smallest and the largest of the tools that agree. CE_0 is part
of the DESTEST of IBPSA Project 1, work package 3.1 (Saelens et al., Building
Simulation 2019: "Towards a DESTEST").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import nearest, read_table

Floats = NDArray[np.float64]

NETWORK = "destest_ce0"
ANSWERS_FILE = "ce0_results_by_tool.csv"

AGREEING = (
    "Modelica_Buildings_AAU_Alessandro",
    "Modelica_Buildings_AAU_JL",
    "Modelica_Buildings_AAU_Martin",
    "TRNSYS_TUD_2022",
)
"""The four answers that agree; the others differ from them by up to a third."""

_ZERO_DEGC_K = 273.15
_HOUR_s = 3600.0


@dataclass(frozen=True)
class Steady:
    """A simulated steady state, by component name.

    Parameters
    ----------
    temperature_K, pressure_Pa : mapping of node to value
    heat_loss_W : mapping of pipe to value
    return_K : mapping of substation to its return temperature
    mass_flow_kg_per_s, heat_W : float
        Of the only plant.
    """

    temperature_K: Mapping[str, float]
    pressure_Pa: Mapping[str, float]
    heat_loss_W: Mapping[str, float]
    return_K: Mapping[str, float]
    mass_flow_kg_per_s: float
    heat_W: float


@dataclass(frozen=True)
class Quantity:
    """One column of the answers, and how to read it from a steady state.

    Parameters
    ----------
    column : str
        As in the file of answers.
    unit : str
    read : callable of Steady
        Value in `unit`.
    boundary : bool
        Given by the exercise, so that agreement proves nothing.
    """

    column: str
    unit: str
    read: Callable[[Steady], float]
    boundary: bool = False


def _drop(first: str, second: str) -> Callable[[Steady], float]:
    return lambda s: s.pressure_Pa[first] - s.pressure_Pa[second]


def _degC(node: str) -> Callable[[Steady], float]:
    return lambda s: s.temperature_K[node] - _ZERO_DEGC_K


_PLACES = ("i", "h", "g", "f", "e")

QUANTITIES = (
    Quantity("m_flow_i_kg_per_h", "kg/h", lambda s: s.mass_flow_kg_per_s * _HOUR_s, boundary=True),
    Quantity("dp_supply_i_e_Pa", "Pa", _drop("i_supply", "e_supply")),
    Quantity("dp_return_a_i_Pa", "Pa", _drop("a_return", "i_return")),
    Quantity("dp_return_i_h_Pa", "Pa", _drop("h_return", "i_return")),
    *(
        Quantity(f"T_sup_{place}_C", "degC", _degC(f"{place}_supply"), boundary=place == "i")
        for place in _PLACES
    ),
    Quantity("T_sup_D1_C", "degC", _degC("SimpleDistrict_1_supply")),
    *(Quantity(f"T_ret_{place}_C", "degC", _degC(f"{place}_return")) for place in _PLACES),
    Quantity("T_ret_D1_C", "degC", lambda s: s.return_K["substation_1"] - _ZERO_DEGC_K),
    Quantity("Qloss_supply_i_h_W", "W", lambda s: s.heat_loss_W["i-h_supply"]),
    Quantity("Q_source_W", "W", lambda s: s.heat_W),
)


def find_answers(data_dir: Path) -> tuple[Path, ...]:
    """Files with the tools' answers in a directory or one level below it.

    Parameters
    ----------
    data_dir : Path

    Returns
    -------
    tuple of Path
    """
    return tuple(sorted({*data_dir.glob(ANSWERS_FILE), *data_dir.glob(f"*/{ANSWERS_FILE}")}))


def read_bands(file: Path) -> dict[str, tuple[float, float]]:
    """Smallest and largest answer of the agreeing tools, by column.

    Parameters
    ----------
    file : Path

    Returns
    -------
    dict of str to (low, high)

    Raises
    ------
    InputError
        A tool, a column or a number is missing.
    """
    findings: list[Finding] = []
    rows = read_table(file, findings)
    by_tool = {str(entry.values.get("tool", "")): entry for entry in rows}
    for tool in AGREEING:
        if tool not in by_tool:
            hint = nearest(tool, by_tool)
            findings.append(Finding(f"there is no answer of {tool}", hint, file, field="tool"))
    if findings:
        raise InputError(*findings)
    bands: dict[str, tuple[float, float]] = {}
    for quantity in QUANTITIES:
        answers: list[float] = []
        for tool in AGREEING:
            entry = by_tool[tool]
            cell = entry.values.get(quantity.column)
            try:
                answers.append(float(str(cell)))
            except ValueError:
                findings.append(
                    entry.finding(
                        f"{quantity.column} of {tool} is {cell!r}",
                        "give the tool's answer as a number",
                        quantity.column,
                    )
                )
        if answers:
            bands[quantity.column] = (min(answers), max(answers))
    if findings:
        raise InputError(*findings)
    return bands
