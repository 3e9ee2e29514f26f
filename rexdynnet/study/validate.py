"""Compare the plant with measurements and with published answers of other tools.

Inlet temperature, flows and ambient temperature of a measured case drive the
plant; its answer is compared with what was measured, at the measured instants.
Nothing is fitted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError, SolverError
from rexdynnet.network.graph import Network
from rexdynnet.network.read import read_network
from rexdynnet.simulation.forcing import Forcing, complete
from rexdynnet.simulation.layout import CellRule
from rexdynnet.simulation.plant import Inputs, Method, Plant
from rexdynnet.simulation.plugflow import PlugFlowOptions, PlugFlowPlant
from rexdynnet.study.destest import (
    NETWORK,
    QUANTITIES,
    Steady,
    find_answers,
    read_bands,
)
from rexdynnet.study.scores import (
    BandScore,
    Prediction,
    Score,
    SensorScore,
    Validation,
    format_scores,
    score,
)
from rexdynnet.study.validation_cases import Case, find_cases, read_case

__all__ = [
    "BandScore",
    "Prediction",
    "Score",
    "SensorScore",
    "Validation",
    "compare_with_tools",
    "format_scores",
    "run_case",
    "run_validation",
    "score",
    "validate",
]

Floats = NDArray[np.float64]

MODELS = Path(__file__).resolve().parents[2] / "models"
"""The shipped models of a checkout."""

LONGEST_STEP_s = 30.0
CELLS = CellRule(1.0, 40, 200)
STEPS_PER_ROW = 8
_FLOW_TOLERANCE = 1e-6
_CE0_FLOW_kg_per_s = 553.0 / 3600.0
_SETTLED_s = 2 * 86400.0


def validate(
    data_dir: str | Path, method: Method = Method.PLUGFLOW, *, models_dir: Path = MODELS
) -> list[dict[str, Any]]:
    """Run every case of a folder and say how well it was predicted.

    Parameters
    ----------
    data_dir : path
        Holds folders with `case.toml` and `series.csv`, or is one; a folder with the answers
        of DESTEST CE_0 is compared too.
    method : Method
    models_dir : Path
        Where `networks/destest_ce0` is.

    Returns
    -------
    list of dict
        `case, sensor, n, rmse_K, bias_K, max_K, reference` for temperatures,
        `case, quantity, unit, value, low, high, inside` for other answers.

    Raises
    ------
    InputError
        There is no case, or a case's files are wrong.
    """
    return run_validation(Path(data_dir), method, models_dir=models_dir).records()


def run_validation(
    data_dir: Path,
    method: Method = Method.PLUGFLOW,
    *,
    models_dir: Path = MODELS,
    progress: Callable[[str], None] | None = None,
) -> Validation:
    """Run every case of a folder and keep the predictions too.

    Parameters
    ----------
    data_dir, method, models_dir
        As of `validate`.
    progress : callable or None
        Gets the name of each case before it runs.

    Returns
    -------
    Validation

    Raises
    ------
    InputError
        There is no case, or a case's files are wrong; all cases are read before one is run.
    """
    folders = find_cases(data_dir)
    answers = find_answers(data_dir)
    if not folders and not answers:
        raise InputError(
            Finding(
                f"{data_dir} holds no validation case",
                "name a folder whose subfolders hold case.toml and series.csv",
                data_dir,
            )
        )
    cases = _read_all(folders)
    scores: list[Score] = []
    predictions: list[Prediction] = []
    for case in cases:
        if progress is not None:
            progress(case.name)
        for prediction, scored in run_case(case, method):
            predictions.append(prediction)
            scores.append(scored)
    for file in answers:
        if progress is not None:
            progress(NETWORK)
        scores += compare_with_tools(file, method, models_dir=models_dir)
    return Validation(tuple(scores), tuple(predictions), method)


def _read_all(folders: Sequence[Path]) -> list[Case]:
    cases: list[Case] = []
    findings: list[Finding] = []
    for folder in folders:
        try:
            cases.append(read_case(folder))
        except InputError as error:
            findings += error.findings
    if findings:
        raise InputError(*findings)
    return cases


def run_case(case: Case, method: Method = Method.PLUGFLOW) -> list[tuple[Prediction, SensorScore]]:
    """Predict the sensors of one measured case.

    Parameters
    ----------
    case : Case
    method : Method

    Returns
    -------
    list of (Prediction, SensorScore)
        One per sensor.

    Raises
    ------
    SolverError
        The plant did not carry the prescribed flow.
    """
    forcing = case.forcing
    step_s = min(LONGEST_STEP_s, float(np.median(np.diff(forcing.time_s))) / STEPS_PER_ROW)
    plant = _make_plant(case.network, method, step_s)
    inputs = _inputs_by_row(plant, forcing)
    state = plant.init(inputs[0], temperatures_K=case.initial_K)
    readers = [_reader(case.network, sensor.node) for sensor in case.sensors]
    predicted = np.zeros((len(forcing.time_s), len(readers)))
    for row in range(1, len(forcing.time_s)):
        state, output = plant.advance(
            state, inputs[row - 1], inputs[row], float(forcing.time_s[row])
        )
        _check_flows(case, row, output.records["substation_mass_flow"][-1])
        for column, (name, index) in enumerate(readers):
            values = output.records[name]
            predicted[row, column] = values[-1, index]
            if row == 1:
                predicted[0, column] = values[0, index]
    results: list[tuple[Prediction, SensorScore]] = []
    for column, sensor in enumerate(case.sensors):
        prediction = Prediction(
            case.name,
            case.title,
            sensor.name,
            forcing.time_s,
            sensor.measured_K,
            predicted[:, column],
            case.skip_s,
        )
        results.append((prediction, score(prediction, sensor.reference_K)))
    return results


def compare_with_tools(
    file: Path, method: Method = Method.PLUGFLOW, *, models_dir: Path = MODELS
) -> list[BandScore]:
    """Solve DESTEST CE_0 and place the answers in the band of the tools that agree.

    Parameters
    ----------
    file : Path
        Answers by tool.
    method : Method
    models_dir : Path
        Where `networks/destest_ce0` is.

    Returns
    -------
    list of BandScore

    Raises
    ------
    InputError
        The answers or the shipped network cannot be read.
    """
    bands = read_bands(file)
    folder = models_dir / "networks" / NETWORK
    if not folder.is_dir():
        raise InputError(
            Finding(
                f"the shipped network {NETWORK} is not there",
                "run from a checkout of the repository, or name its models folder",
                folder,
            )
        )
    steady = _solve_ce0(read_network(folder), method)
    return [
        BandScore(
            NETWORK,
            quantity.column,
            quantity.unit,
            quantity.read(steady),
            *bands[quantity.column],
            boundary=quantity.boundary,
        )
        for quantity in QUANTITIES
    ]


def _make_plant(network: Network, method: Method, step_s: float) -> Plant:
    if method is Method.PLUGFLOW:
        return PlugFlowPlant(network, PlugFlowOptions(step_s, CELLS))
    from rexdynnet.dae import DaeOptions, build_dae
    from rexdynnet.simulation.integrate import DaePlant, OdePlant

    cells = DaeOptions(
        cell_length_m=CELLS.length_m, minimum_cells=CELLS.fewest, maximum_cells=CELLS.most
    )
    dae = build_dae(network, cells)
    return DaePlant(dae) if method is Method.DAE else OdePlant(dae)


def _inputs_by_row(plant: Plant, forcing: Forcing) -> list[Inputs]:
    wanted = (*plant.controls, *plant.disturbances)
    values = complete(forcing, wanted).pick(wanted).values
    count = len(plant.controls)
    return [Inputs(row[:count].copy(), row[count:].copy()) for row in values]


def _reader(network: Network, node: str) -> tuple[str, int]:
    """Record and column of a sensor: the end of the only pipe there, else the node's mixture."""
    ending = [i for i, pipe in enumerate(network.pipes) if node in (pipe.from_node, pipe.to_node)]
    if len(ending) == 1:
        pipe = network.pipes[ending[0]]
        side = "outlet" if pipe.to_node == node else "inlet"
        return f"pipe_{side}_temperature", ending[0]
    return "node_temperature", [item.name for item in network.nodes].index(node)


def _check_flows(case: Case, row: int, flows: Floats) -> None:
    names = [substation.name for substation in case.network.substations]
    for name, flow in zip(names, flows, strict=True):
        around = case.forcing.column(f"{name}.mass_flow_demand")[row - 1 : row + 1]
        wanted = float(around[-1])
        slack = _FLOW_TOLERANCE * max(1.0, wanted)
        # The flow of the last internal step lies between the rows' values.
        if not around.min() - slack <= flow <= around.max() + slack:
            raise SolverError(
                f"the plant carries {flow:.6g} kg/s instead of the measured {wanted:.6g} kg/s",
                "check the diameters and the flow's unit in the case's files",
                time_s=float(case.forcing.time_s[row]),
                component=name,
            )


def _solve_ce0(network: Network, method: Method) -> Steady:
    plant = _make_plant(network, method, LONGEST_STEP_s)
    flows = {
        f"{substation.name}.mass_flow_demand": _CE0_FLOW_kg_per_s
        for substation in network.substations
    }
    signals = (*plant.controls, *plant.disturbances)
    values = np.array([flows.get(signal.name, signal.default) for signal in signals], dtype=float)
    count = len(plant.controls)
    inputs = Inputs(values[:count], values[count:])
    state = plant.init(inputs)
    _, output = plant.advance(state, inputs, inputs, _SETTLED_s)
    last = {name: values[-1] for name, values in output.records.items()}
    return Steady(
        temperature_K=_by_name(network.nodes, last["node_temperature"]),
        pressure_Pa=_by_name(network.nodes, last["node_pressure"]),
        heat_loss_W=_by_name(network.pipes, last["pipe_heat_loss"]),
        return_K=_by_name(network.substations, last["substation_return_temperature"]),
        mass_flow_kg_per_s=float(last["plant_mass_flow"][0]),
        heat_W=float(last["plant_heat"][0]),
    )


def _by_name(components: Sequence[Any], values: Floats) -> dict[str, float]:
    return {item.name: float(value) for item, value in zip(components, values, strict=True)}
