from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.network.read import read_network
from rexdynnet.simulation.plant import Method
from rexdynnet.simulation.profile import BuildingKind
from rexdynnet.simulation.series import format_forcing, read_forcing
from rexdynnet.study.scenario import (
    forcing_of,
    parameter_values,
    read_scenario,
    run_simulation,
)
from tests.data import ROOT

SHIPPED = sorted((ROOT / "models" / "scenarios").glob("*.toml"))

TEXT = """\
name = "test"
network = "network"
seed = 3

[time]
start_utc = 2027-01-15T00:00:00Z
duration = "12h"
output_step = "15min"

[simulation]
method = "dae"

[weather]
region = 5

[demand]
building = "multi_family"
construction = 2
full_load_hours = 1500

[demand.diversity]
shift_min = 0

[demand.substations.substation_9]
building = "retail"
annual_heat_MWh = 30

[operation.plants.boiler]
differential_pressure_bar = 0.5

[parameters]
"{pipe}.loss_factor" = 2.0
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "models" / "networks" / "destest8", tmp_path / "network")
    return tmp_path


def pipe_of(project: Path) -> str:
    from rexdynnet.network.read import read_network

    return read_network(project / "network").pipes[0].name


def written(project: Path, text: str) -> Path:
    file = project / "scenario.toml"
    file.write_text(text.replace("{pipe}", pipe_of(project)))
    return file


def test_a_scenario_file_becomes_plain_values_in_si(project: Path) -> None:
    scenario = read_scenario(written(project, TEXT))
    assert scenario.duration_s == 12 * 3600
    assert scenario.output_step_s == 900
    assert scenario.method is Method.DAE
    assert scenario.start_utc == datetime(2027, 1, 15, tzinfo=UTC)
    assert scenario.demand is not None
    assert scenario.demand.default.load.kind is BuildingKind.MULTI_FAMILY
    assert scenario.demand.substations["substation_9"].load.annual_heat_J == 30 * 3.6e9
    assert scenario.demand.diversity.shift_s == 0
    assert scenario.operation.plants["boiler"].differential_pressure_Pa == 0.5e5
    values = parameter_values(scenario.network, scenario.parameters)
    assert values is not None
    assert values[0] == 2.0
    assert values[1:].max() == 1.0


def test_everything_that_acts_is_there_for_the_whole_run(project: Path) -> None:
    scenario = read_scenario(written(project, TEXT))
    forcing = forcing_of(scenario)
    assert forcing.time_s[0] == 0
    assert forcing.time_s[-1] == scenario.duration_s
    assert np.all(forcing.column("boiler.differential_pressure") == 0.5e5)
    design = {s.name: s.design_heat_W for s in scenario.network.substations}
    for name, heat in design.items():
        demand = forcing.column(f"{name}.heat_demand")
        assert 0 < demand.min() <= demand.max() < 1.2 * heat
    assert 255 < forcing.column("outdoor.temperature").mean() < 290


def test_a_series_wins_over_what_is_computed(project: Path) -> None:
    (project / "extra.csv").write_text(
        "time_utc,outdoor.temperature_degC,boiler.supply_temperature_degC\n"
        "2027-01-15T00:00Z,-8,75\n2027-01-15T12:00Z,-8,75\n"
    )
    text = TEXT.replace("seed = 3", 'seed = 3\nseries = ["extra.csv"]')
    forcing = forcing_of(read_scenario(written(project, text)))
    assert np.all(forcing.column("outdoor.temperature") == 265.15)
    assert np.all(forcing.column("boiler.supply_temperature") == 348.15)


def test_a_series_shorter_than_the_run_names_its_file(project: Path) -> None:
    (project / "extra.csv").write_text("time_h,outdoor.temperature_degC\n0,-8\n11,-8\n")
    text = TEXT.replace("seed = 3", 'seed = 3\nseries = ["extra.csv"]')
    with pytest.raises(InputError, match=r"extra\.csv.*ends at 39600 s"):
        forcing_of(read_scenario(written(project, text)))


def test_without_demand_or_series_the_missing_inputs_are_named(project: Path) -> None:
    text = TEXT.partition("[demand]")[0]
    with pytest.raises(InputError, match=r"no substation_9\.heat_demand"):
        forcing_of(read_scenario(written(project, text)))


def test_the_hash_changes_with_scenario_network_and_series_only(project: Path) -> None:
    before = read_scenario(written(project, TEXT)).hash
    assert read_scenario(written(project, "# a remark\n" + TEXT)).hash == before
    assert read_scenario(written(project, TEXT.replace("seed = 3", "seed = 4"))).hash != before
    pipes = project / "network" / "pipes.csv"
    pipes.write_text(pipes.read_text() + "\n")
    assert read_scenario(written(project, TEXT)).hash != before


@pytest.mark.parametrize(
    ("old", "new", "row", "word"),
    [
        ('network = "network"', 'network = "netwrok"', None, "does not exist"),
        ('network = "network"\n', "", None, "network is missing"),
        ("[time]", "[tiem]", 5, "did you mean 'time'"),
        ("duration", "durations", 7, "did you mean 'duration'"),
        ('"12h"', '"12 lunes"', 7, "unknown time unit"),
        ('"12h"', '"12000 weeks"', 7, "at most"),
        ('"15min"', '"1e-5 s"', 8, "longer output_step"),
        ("2027-01-15T00:00:00Z", "9027-01-15T00:00:00Z", 6, "far off"),
        ("2027-01-15T00:00:00Z", '"tomorrow"', 6, "2026-01-15T06:00:00Z"),
        ('"dae"', '"magic"', 11, "plugflow, dae, ode"),
        ("region = 5", "region = 16", 14, "15"),
        ('"multi_family"', '"multifamily"', 17, "multi_family"),
        ("construction = 2", "construction = 12", 18, "11"),
        ("full_load_hours = 1500", "full_load_hours = -1", 19, "above 0"),
        ("shift_min = 0", "shift_mn = 0", 22, "shift"),
        ("plants.boiler", "plants.biler", 28, "did you mean 'boiler'"),
        ("loss_factor", "los_factor", None, "did you mean"),
        ('.loss_factor" = 2.0', '.loss_factor" = -2.0', None, "give a value from"),
        ("seed = 3", "seed = -3", 3, "at least 0"),
        ("seed = 3", 'seed = 3\nseries = ["none.csv"]', None, "does not exist"),
        ("seed = 3", "seed = = 3", 3, "TOML"),
    ],
)
def test_a_broken_scenario_is_refused_with_file_row_and_remedy(
    project: Path, old: str, new: str, row: int | None, word: str
) -> None:
    assert old in TEXT
    with pytest.raises(InputError) as caught:
        read_scenario(written(project, TEXT.replace(old, new)))
    match = [finding for finding in caught.value.findings if word in str(finding)]
    assert match, str(caught.value)
    assert row is None or match[0].row == row
    assert match[0].file is not None


def test_a_schedule_in_the_wrong_unit_or_of_no_control_is_refused(project: Path) -> None:
    schedule = '\n[[operation.schedules]]\nsignal = "{}"\nhours = [0]\nvalues = [1]\n'
    for signal, word in (
        ("boiler.supply_temperature_kW", "is in W"),
        ("boiler.temper_degC", "did you mean 'boiler.supply_temperature'"),
    ):
        with pytest.raises(InputError, match=word):
            read_scenario(written(project, TEXT + schedule.format(signal)))


def test_a_substation_that_is_not_there_is_refused(project: Path) -> None:
    text = TEXT.replace("substations.substation_9", "substations.substation_99")
    with pytest.raises(InputError, match="substation_9"):
        forcing_of(read_scenario(written(project, text)))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_scenario_can_be_driven(path: Path) -> None:
    scenario = read_scenario(path)
    assert scenario.name == path.stem
    assert scenario.description
    forcing = forcing_of(scenario)
    assert forcing.time_s[-1] == scenario.duration_s


def test_every_shipped_network_has_a_scenario() -> None:
    networks = {path.parent.name for path in (ROOT / "models/networks").glob("*/network.toml")}
    assert networks <= {read_scenario(path).network.name for path in SHIPPED}


def test_a_written_forcing_reads_back(project: Path) -> None:
    scenario = read_scenario(written(project, TEXT))
    before = forcing_of(scenario)
    (project / "all.csv").write_text(format_forcing(before))
    after = read_forcing(project / "all.csv", scenario.network).pick(before.signals)
    np.testing.assert_allclose(after.values, before.values, rtol=1e-8, atol=1e-6)
    assert [s.hold for s in after.signals] == [s.hold for s in before.signals]


def test_the_shipped_winter_week_drives_destest16() -> None:
    scenario = read_scenario(ROOT / "models/scenarios/destest16_winter_week.toml")
    computed = forcing_of(scenario)
    series = read_forcing(ROOT / "models/series/winter_week.csv", scenario.network)
    np.testing.assert_allclose(
        series.pick(computed.signals).values, computed.values, rtol=1e-7, atol=1e-5
    )


def test_faults_of_a_simulation_are_read_with_their_times_and_units(project: Path) -> None:
    pipe = next(iter(read_network(project / "network").pipes)).name
    file = project / "faulty.toml"
    begin = TEXT.replace("{pipe}", pipe)
    file.write_text(
        begin
        + f"""
[[faults]]
signal = "{pipe}.loss_factor"
start = "2h"
end = "5h"
value = 4.0
"""
    )
    (fault,) = read_scenario(file).faults
    assert (fault.name, fault.start_s, fault.end_s) == (f"{pipe}.loss_factor", 7200.0, 18000.0)
    assert fault.value == 4.0
    file.write_text(begin + '[[faults]]\nsensor = "boiler.supply_temperature"\nend = "5h"\n')
    with pytest.raises(InputError, match="a simulation has no sensors"):
        read_scenario(file)


def test_a_fault_of_a_scenario_acts_while_it_lasts(project: Path) -> None:
    pipe = next(iter(read_network(project / "network").pipes)).name
    file = project / "faulty.toml"
    plain = TEXT.replace("{pipe}", pipe).replace('"dae"', '"plugflow"').replace("12h", "6h")
    file.write_text(plain)
    usual = run_simulation(read_scenario(file))
    fault = f'[[faults]]\nsignal = "{pipe}.loss_factor"\nstart = "2h"\nend = "4h"\nvalue = 8.0\n'
    file.write_text(plain + fault)
    faulty = run_simulation(read_scenario(file))
    ratio = (faulty["pipe_heat_loss"] / usual["pipe_heat_loss"]).sel(pipe=pipe).to_numpy()
    hours = usual["time"].to_numpy() / 3600.0
    assert np.allclose(ratio[hours <= 2.0], 1.0, atol=1e-6)
    assert np.all(ratio[(hours > 2.3) & (hours <= 4.0)] > 3.0)
    assert np.allclose(ratio[hours > 5.0], 1.0, atol=0.05)
    assert usual.attrs["scenario_hash"] != faulty.attrs["scenario_hash"]
