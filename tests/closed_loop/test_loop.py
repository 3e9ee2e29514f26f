"""The closed loop against the plug-flow plant: what it reports, and what it survives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import rexdynnet as rdn
from rexdynnet.control.base import Decision, Observation, Outcome, Preview, Rung
from rexdynnet.control.schedule import format_schedule
from rexdynnet.control.settings import ControllerKind, ControlSettings
from rexdynnet.errors import InputError
from rexdynnet.network.inputs import disturbances
from rexdynnet.network.spec import Line
from rexdynnet.study.loop import Run, run
from rexdynnet.study.run_checks import longest_delay_s, warnings_of
from rexdynnet.study.run_preview import Forecaster, electricity_means, schedule_from_forecast
from rexdynnet.study.run_settings import (
    Fault,
    FaultKind,
    ForecastKind,
    ForecastSettings,
    PriceSettings,
    RunSettings,
    ScheduleSettings,
)
from rexdynnet.study.run_world import make_world
from rexdynnet.study.scenario import SimulationScenario, read_scenario
from rexdynnet.timeline import Schedule, parse_utc, units_from
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_two_plants_run.toml"
HOUR_S = 3600.0


def scenario(hours: float = 4.0, *faults: Fault, **changes: object) -> SimulationScenario:
    whole = read_scenario(FILE)
    assert whole.closed_loop is not None
    settings = replace(whole.closed_loop, faults=faults, **changes)
    return replace(whole, duration_s=hours * HOUR_S, closed_loop=settings)


@pytest.fixture(scope="module")
def usual() -> Run:
    return run(scenario())


def test_the_heat_balance_of_a_run_closes(usual: Run) -> None:
    data = usual.data
    residual = abs(float(data["energy_residual"][-1]))
    assert residual < 1e-6 * float(data["energy_plants"][-1])


def test_a_run_has_no_gaps_and_keeps_its_bounds(usual: Run) -> None:
    data = usual.data
    assert all(np.isfinite(data[name]).all() for name in ("node_temperature", "plant_heat"))
    applied = data["control_input"].values
    assert np.all(np.isfinite(applied))
    assert np.all(applied >= data["control_lower"].values)
    assert np.all(applied <= data["control_upper"].values)
    assert set(data["control_rung_name"].values) == {"baseline"}
    assert set(data["control_outcome_name"].values) == {"ok"}


def test_inputs_decided_are_inputs_that_act(usual: Run) -> None:
    data = usual.data
    commanded = data["control_input"].sel(control="heat_pump.heat")
    # The last row of each step: what the plant gave, after its own limits.
    given = data["plant_heat"].sel(plant="heat_pump")
    for time_s in (HOUR_S, 3 * HOUR_S):
        # a control of 900 s holds over the mean of 600 s that ends with it
        wanted = float(commanded.sel(control_time=time_s - 900.0))
        assert float(given.sel(time=time_s)) == pytest.approx(wanted, rel=0.02)


def test_energies_of_units_are_the_integrals_of_the_trajectories(usual: Run) -> None:
    data = usual.data
    heat = data["substation_heat"].values[1:] * np.diff(data["time"].values)[:, None]
    per_hour = heat.reshape(4, 6, -1).sum(axis=1)
    np.testing.assert_allclose(data["unit_delivered_energy"].values, per_hour, rtol=1e-6)


def test_imbalance_and_shortfall_are_kept_apart(usual: Run) -> None:
    # Forecasts are wrong, so prosumers miss their reservation; the network delivers all.
    assert usual.kpis.shortfall_kWh < 1e-3
    assert usual.kpis.imbalance_gross_kWh > 5.0
    assert usual.kpis.imbalance_net_kWh < usual.kpis.imbalance_gross_kWh
    data = usual.data
    missed = data["unit_demanded_energy"].values - data["unit_reserved_energy"].values
    assert usual.kpis.imbalance_gross_kWh == pytest.approx(np.abs(missed).sum() / 3.6e6)


def test_cost_is_the_sum_of_its_parts(usual: Run) -> None:
    kpis = usual.kpis
    parts = kpis.fuel_EUR + kpis.electricity_EUR + kpis.start_EUR + kpis.lost_load_EUR
    assert kpis.cost_EUR == pytest.approx(parts - kpis.stored_heat_EUR)
    data = usual.data
    steps = np.diff(data["time"].values)[:, None]
    boiler = (data["plant_fuel_power"].sel(plant=["boiler"]).values[1:] * steps).sum() / 3.6e9
    assert 0 < boiler * 60.0 < kpis.fuel_EUR


def test_idle_power_is_what_plants_on_line_do_not_give() -> None:
    out = Fault("heat_pump.availability", 0.0, HOUR_S, 0.0)
    kpis = run(scenario(1.0, out)).kpis
    # the boiler's 400 kW alone are on line for an hour
    assert kpis.idle_MWh == pytest.approx(0.4 - kpis.produced_MWh, abs=1e-6)


def test_the_same_scenario_gives_the_same_run(usual: Run) -> None:
    again = run(scenario())
    assert again.kpis == usual.kpis
    assert again.data.drop_attrs().identical(usual.data.drop_attrs())


def test_perfect_forecasts_leave_no_imbalance() -> None:
    found = run(scenario(2.0, forecast=ForecastSettings(ForecastKind.PERFECT)))
    # Schedules are whole Wh.
    assert found.kpis.imbalance_gross_kWh < 0.05


def test_demand_beyond_all_plants_is_shortfall_and_told() -> None:
    network = read_scenario(FILE).network
    names = [s.name for s in disturbances(network) if s.quantity == "heat_demand"]
    faults = [Fault(name, HOUR_S, 2 * HOUR_S, 40e3) for name in names]
    found = run(scenario(3.0, *faults))
    assert found.kpis.shortfall_kWh > 50
    assert found.kpis.lost_load_EUR == pytest.approx(3.0 * found.kpis.shortfall_kWh)
    assert "overloaded" in found.data["control_outcome_name"].values
    assert np.isfinite(found.data["control_input"].values).all()


def test_a_pump_that_trips_is_seen_one_step_later_and_survived() -> None:
    found = run(scenario(2.0, Fault("heat_pump.availability", 1000.0, HOUR_S, 0.0)))
    data = found.data
    heat = data["control_input"].sel(control="heat_pump.heat").values
    assert heat[1] > 0  # decided at 900 s, the trip comes at 1000 s
    np.testing.assert_array_equal(heat[2:4], 0.0)
    assert heat[4] > 0
    assert found.kpis.shortfall_kWh < 1.0


def test_the_balancing_plant_may_trip_and_what_is_missing_is_shortfall() -> None:
    found = run(scenario(3.0, Fault("boiler.availability", HOUR_S, 2 * HOUR_S, 0.0)))
    data = found.data
    during = data.sel(time=slice(HOUR_S + 600, 2 * HOUR_S))
    assert np.all(np.abs(during["plant_mass_flow"].sel(plant="boiler").values) < 1e-4)
    assert found.kpis.shortfall_kWh > 0.1
    assert "overloaded" in data["control_outcome_name"].values
    # a pump that pushes against closed valves stays within what it can do
    assert float(data["plant_differential_pressure"].max()) < 4e5
    assert np.isfinite(data["control_input"].values).all()


def test_silent_sensors_are_named_and_the_run_goes_on() -> None:
    silent = Fault("outdoor.temperature", 0.0, HOUR_S, kind=FaultKind.SENSOR)
    data = run(scenario(2.0, silent)).data
    assert "outdoor.temperature" in str(data["control_cause"].values[0])
    assert str(data["control_cause"].values[-1]) == ""
    assert set(data["control_outcome_name"].values) == {"ok"}


def test_a_leak_that_comes_and_goes_is_made_up() -> None:
    network = read_scenario(FILE).network
    pipe = next(pipe for pipe in network.pipes if pipe.line is Line.SUPPLY)
    data = run(scenario(2.0, Fault(f"{pipe.name}.leak", 1000.0, HOUR_S, 0.02))).data
    assert abs(float(data["energy_makeup"][-1])) > 0
    assert float(data["energy_makeup"][1]) == 0.0


@dataclass(frozen=True)
class Broken:
    """A controller that raises, then gives NaN, then what it must not."""

    size: int

    def init(self, observation: Observation, preview: Preview) -> object:
        return 0

    def step(
        self, observation: Observation, preview: Preview, applied: np.ndarray, state: object
    ) -> Decision:
        count = int(observation.time_s // 900.0)
        if count % 3 == 0:
            raise RuntimeError("no luck")
        wild = np.full(self.size, np.nan if count % 3 == 1 else 1e9)
        return Decision(wild, None, Outcome.OK, Rung.WARM)


def test_the_plant_never_sees_what_a_broken_controller_decides() -> None:
    found = run(scenario(2.0), controller=Broken(6))
    data = found.data
    assert set(data["control_rung_name"].values) == {"baseline"}
    assert set(data["control_outcome_name"].values) == {"model_failure", "not_certified"}
    assert all(str(cause) for cause in data["control_cause"].values)
    np.testing.assert_array_equal(
        data["control_input"].values, run(scenario(2.0)).data["control_input"].values
    )


def test_a_schedule_from_a_file_is_followed(tmp_path: Path) -> None:
    wanted = scenario(2.0)
    assert wanted.closed_loop is not None
    world = make_world(wanted, wanted.closed_loop)
    forecaster = Forecaster(wanted.network, world.truth, wanted.closed_loop.forecast, wanted.seed)
    made = schedule_from_forecast(forecaster, wanted.start_utc, 2 * HOUR_S, HOUR_S, 6 * HOUR_S)
    file = tmp_path / "schedule.csv"
    file.write_text(format_schedule(made), encoding="utf-8")
    found = run(scenario(2.0, schedule=ScheduleSettings(file)))
    np.testing.assert_allclose(found.data["unit_reserved_energy"].values, made.energy_J)
    file.write_text(format_schedule(made).replace("T23:00", "T22:00"), encoding="utf-8")
    with pytest.raises(InputError, match="missing"):
        run(scenario(2.0, schedule=ScheduleSettings(file)))
    file.write_text(format_schedule(made), encoding="utf-8")
    with pytest.raises(InputError, match="covers"):
        run(scenario(3.0, schedule=ScheduleSettings(file)))


def test_only_time_units_within_the_run_are_settled() -> None:
    units = ScheduleSettings(unit_s=3000.0)
    data = run(scenario(2.0, schedule=units)).data
    np.testing.assert_array_equal(data["unit"].values, [0.0, 3000.0])
    with pytest.raises(InputError, match="no time unit of 3 h lies within the run of 2 h"):
        run(scenario(2.0, schedule=ScheduleSettings(unit_s=3 * HOUR_S)))


def test_what_a_kind_of_controller_does_not_look_at_is_warned_of(usual: Run) -> None:
    network = read_scenario(FILE).network
    flows = usual.data["pipe_mass_flow"].values[0]
    settings = RunSettings(ControlSettings(weights={"heat": 1.0}))
    units = tuple(units_from(parse_utc("2026-01-15"), HOUR_S, 1))
    committed = Schedule(("heat_pump",), units, np.array([[-3.6e6]]))
    weights, schedule = warnings_of(network, settings, flows, committed)
    assert "heat mean nothing to it" in weights.what
    assert "does not follow what heat_pump committed" in schedule.what
    assert not warnings_of(network, RunSettings(ControlSettings()), flows)


def test_a_fault_of_something_that_is_not_there_is_refused_before_the_run() -> None:
    with pytest.raises(InputError, match=r"boiler\.availability"):
        run(scenario(1.0, Fault("boiler.availibility", 0.0, 10.0)))
    with pytest.raises(InputError, match="0 to 1"):
        run(scenario(1.0, Fault("boiler.availability", 0.0, 10.0, 2.0)))


def test_a_scenario_without_a_controller_says_what_to_add() -> None:
    with pytest.raises(InputError, match=r"add a section \[control\]"):
        rdn.run(replace(scenario(1.0), closed_loop=None))


def test_forecast_means_are_the_true_means_without_errors() -> None:
    wanted = scenario(4.0, forecast=ForecastSettings())
    assert wanted.closed_loop is not None
    truth = make_world(wanted, wanted.closed_loop).truth
    forecaster = Forecaster(wanted.network, truth, ForecastSettings(), 1)
    edges = np.array([0.0, 900.0, 5400.0, 9000.0])
    fine = np.arange(0.0, 9000.0, 10.0) + 5.0
    dense = truth.at(fine)
    expected = np.array([dense[(fine > a) & (fine < b)].mean(axis=0) for a, b in pairwise(edges)])
    np.testing.assert_allclose(forecaster.means(edges), expected, rtol=2e-5)


def test_daily_prices_repeat_and_average_over_midnight() -> None:
    prices = PriceSettings((100.0, 200.0), (0.0, 12.0))
    start = parse_utc("2026-01-15T23:00Z")
    edges = np.array([0.0, HOUR_S, 2 * HOUR_S, 14 * HOUR_S, 15 * HOUR_S])
    # 23-24 h: 200; 0-1 h: 100; 1-13 h: 11 h at 100 and 1 h at 200; 13-14 h: 200.
    found = electricity_means(prices, start, edges)
    np.testing.assert_allclose(found, [200.0, 100.0, 1300 / 12, 200.0])
    between = electricity_means(prices, start, np.array([1800.0, 5400.0]))
    np.testing.assert_allclose(between, [150.0])


def test_a_horizon_shorter_than_the_longest_delay_is_warned_of(usual: Run) -> None:
    network = read_scenario(FILE).network
    flows = usual.data["pipe_mass_flow"].values[0]
    delay = longest_delay_s(network, flows)
    assert 5 * 60 < delay < 3 * HOUR_S
    short = RunSettings(ControlSettings(ControllerKind.MPC, 300.0, 300.0))
    (finding,) = warnings_of(network, short, flows)
    assert "shorter than the longest transport delay" in finding.what
    assert not warnings_of(network, RunSettings(ControlSettings(ControllerKind.MPC)), flows)


def test_defects_of_a_run_file_are_named_with_their_field(tmp_path: Path) -> None:
    text = FILE.read_text(encoding="utf-8").replace("../", f"{ROOT}/models/")
    cases = {
        ('kind = "baseline"', 'kind = "magic"'): "controller 'magic' is unknown",
        ("margin = 0.1", "margin = -0.1"): "margin is -0.1",
        ('horizon = "24h"', 'horizon = "5min"'): "horizon is 300",
        ("hours = [0, 5, 9, 16, 20]", "hours = [0, 5]"): "one price for each",
        ('kind = "issued"', 'kind = "guess"'): "forecast 'guess' is unknown",
        ("[schedule]", '[schedule]\nfile = "none.csv"'): "none.csv does not exist",
        ("[schedule]", "[control.weights]\nmove = -2.0\n[schedule]"): "weights.move is -2",
        ("[control]", "[contrl]"): "contrl",
    }
    for (old, new), said in cases.items():
        file = tmp_path / "case.toml"
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(InputError, match=said):
            read_scenario(file)
