"""A network as an FMU is the same plant: to the bit where it is asked at the same instants."""

from __future__ import annotations

import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rexdynnet.cli import app
from rexdynnet.errors import InputError, SolverError
from rexdynnet.network.read import read_network
from rexdynnet.simulation.fmu import FmuPlant
from rexdynnet.simulation.fmu_outputs import OutputTable
from rexdynnet.simulation.plant import DenseOutput, Inputs
from rexdynnet.simulation.simulate import make_plant
from rexdynnet.study.scenario import read_scenario, run_simulation
from tests.data import ROOT

pytest.importorskip("fmpy", reason="needs the extra rexdynnet[fmu]")
pytest.importorskip("pythonfmu", reason="needs the extra rexdynnet[fmu]")

from rexdynnet.interchange.fmu import write_fmu

FOLDER = ROOT / "models" / "networks" / "destest8"


@pytest.fixture(scope="module")
def fmu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fmu(read_network(FOLDER), tmp_path_factory.mktemp("fmu") / "destest8.fmu")


@pytest.fixture(scope="module")
def plant(fmu: Path) -> FmuPlant:
    return FmuPlant(read_network(FOLDER), fmu)


def inputs_of(plant: FmuPlant, load: float) -> Inputs:
    given = {"heat_demand": load, "temperature": 275.0}
    controls, disturbances = (
        np.array([s.default if s.default is not None else given[s.quantity] for s in signals])
        for signals in (plant.controls, plant.disturbances)
    )
    return Inputs(controls, disturbances)


def split(start: Inputs, end: Inputs, share: tuple[float, float]) -> tuple[Inputs, Inputs]:
    first, last = (
        Inputs(
            start.controls + s * (end.controls - start.controls),
            start.disturbances + s * (end.disturbances - start.disturbances),
        )
        for s in share
    )
    return first, last


def test_the_fmu_moves_like_the_native_plant_between_the_same_instants(plant: FmuPlant) -> None:
    native = make_plant(read_network(FOLDER))
    low, high = inputs_of(plant, 3e3), inputs_of(plant, 9e3)
    state, mine = plant.init(low), native.init(low)
    for begin, (start, end) in zip((0.0, 600.0), ((low, high), (high, low)), strict=True):
        state, output = plant.advance(state, start, end, begin + 600.0)
        told: DenseOutput | None = None
        for share in pairwise(np.linspace(0.0, 1.0, 11).tolist()):
            first, last = split(start, end, share)
            mine, told = native.advance(mine, first, last, begin + 600.0 * share[1])
        assert told is not None
        for name in ("node_temperature", "pipe_mass_flow", "node_pressure", "energy_delivered"):
            np.testing.assert_allclose(
                output.records[name][-1], told.records[name][-1], rtol=1e-12, err_msg=name
            )


def test_a_stored_state_goes_on_the_same_way_twice(plant: FmuPlant) -> None:
    low, high = inputs_of(plant, 3e3), inputs_of(plant, 9e3)
    kept, _ = plant.advance(plant.init(low), low, high, 300.0)
    once, first = plant.advance(kept, high, high, 900.0)
    again, second = plant.advance(kept, high, high, 900.0)
    assert once.arrays["fmu"].tobytes() == again.arrays["fmu"].tobytes()
    for name, values in first.records.items():
        np.testing.assert_array_equal(values, second.records[name])


def test_a_fault_that_changes_a_parameter_reaches_the_fmu(plant: FmuPlant) -> None:
    low = inputs_of(plant, 3e3)
    state = plant.init(low)
    values = state.arrays["parameters"].copy()
    names = [signal.name for signal in plant.parameters]
    values[[name.endswith("loss_factor") for name in names]] = 3.0
    _, before = plant.advance(state, low, low, 600.0)
    _, after = plant.advance(plant.with_parameters(state, values), low, low, 600.0)
    lost = [each.records["pipe_heat_loss"][-1].sum() for each in (before, after)]
    assert lost[1] == pytest.approx(3.0 * lost[0], rel=0.1)


SCENARIO = f"""\
network = "{FOLDER}"
[time]
start_utc = 2027-01-15T00:00:00Z
duration = "2h"
output_step = "10min"
[simulation]
FMU
[weather]
region = 4
[demand]
building = "single_family"
"""


def test_a_scenario_runs_on_an_fmu_as_by_plug_flow(fmu: Path, tmp_path: Path) -> None:
    file = tmp_path / "scenario.toml"
    found = []
    for words in ("", f'fmu = "{fmu}"'):
        file.write_text(SCENARIO.replace("FMU", words))
        found.append(run_simulation(read_scenario(file)))
    native, other = found
    gap = np.abs(native["node_temperature"] - other["node_temperature"]).max()
    assert float(gap) < 0.05
    assert float(other["energy_delivered"][-1]) == pytest.approx(
        float(native["energy_delivered"][-1]), rel=1e-4
    )


def test_convert_writes_an_fmu(tmp_path: Path) -> None:
    file = tmp_path / "town.fmu"
    said = CliRunner().invoke(app, ["convert", str(FOLDER), str(file)])
    assert said.exit_code == 0, said.output
    assert "FMI 2.0" in said.stdout
    assert "modelDescription.xml" in zipfile.ZipFile(file).namelist()


def test_what_is_no_fmu_is_refused(tmp_path: Path) -> None:
    network = read_network(FOLDER)
    file = tmp_path / "broken.fmu"
    with pytest.raises(InputError, match="does not exist"):
        FmuPlant(network, file).init(Inputs(np.zeros(0), np.zeros(0)))
    file.write_bytes(b"nothing")
    with pytest.raises(InputError, match="it is no FMU"):
        FmuPlant(network, file).init(Inputs(np.zeros(0), np.zeros(0)))
    with pytest.raises(InputError, match=r"end with \.fmu"):
        write_fmu(network, tmp_path / "town.zip")


def test_an_fmu_of_another_network_names_what_it_lacks(fmu: Path) -> None:
    other = FmuPlant(read_network(ROOT / "models" / "networks" / "destest16"), fmu)
    with pytest.raises(InputError, match="the FMU has not"):
        other.init(inputs_of(other, 1e3))


def test_an_fmu_that_gives_up_says_so(plant: FmuPlant) -> None:
    with pytest.raises(SolverError, match="gave up"):
        plant.init(inputs_of(plant, np.nan))


def test_a_row_of_numbers_is_taken_apart_as_it_was_put_together() -> None:
    table = OutputTable((("mass", ()), ("tank_temperature", (2, 3))))
    assert table.labels[1:3] == ("tank_temperature[0][0]", "tank_temperature[0][1]")
    records = table.records(np.arange(14.0).reshape(2, 7))
    assert records["mass"].tolist() == [0.0, 7.0]
    assert records["tank_temperature"][1].tolist() == [[8.0, 9.0, 10.0], [11.0, 12.0, 13.0]]
