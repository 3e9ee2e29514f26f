"""The safety maintainer in closed loop: what it does, when, and what it books."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rexdynnet.control.base import Decision, Observation, Outcome, Preview, Rung
from rexdynnet.control.ladder import Ladder
from rexdynnet.safety.margins import Cause
from rexdynnet.safety.rationing import Policy
from rexdynnet.simulation.simulate import Method
from rexdynnet.study.fault_cases import examine, random_case, unbooked
from rexdynnet.study.loop import Run, run
from rexdynnet.study.run_settings import Fault
from rexdynnet.study.scenario import SimulationScenario, read_scenario
from tests.data import ROOT

HOUR_S = 3600.0
FOLDER = ROOT / "models" / "scenarios"


def shipped(name: str, **changes: object) -> SimulationScenario:
    whole = read_scenario(FOLDER / f"destest16_{name}_run.toml")
    assert whole.closed_loop is not None
    safety = replace(whole.closed_loop.safety, **changes)
    return replace(whole, closed_loop=replace(whole.closed_loop, safety=safety))


def with_faults(scenario: SimulationScenario, *faults: Fault) -> SimulationScenario:
    assert scenario.closed_loop is not None
    return replace(
        scenario, faults=faults, closed_loop=replace(scenario.closed_loop, faults=faults)
    )


@pytest.fixture(scope="module")
def trip() -> Run:
    return run(shipped("plant_trip"))


@pytest.fixture(scope="module")
def both() -> Run:
    return run(shipped("both"))


def test_a_trip_is_met_at_its_instant_inside_the_control_step() -> None:
    odd = 2.3 * HOUR_S + 17.25
    found = run(
        with_faults(
            replace(shipped("plant_trip"), duration_s=4 * HOUR_S),
            Fault("boiler.availability", odd, 3 * HOUR_S, 0.0),
        )
    )
    assert found.supervision is not None
    first = found.supervision.fired[0]
    assert first.time_s == pytest.approx(odd, abs=1e-6)
    assert (first.cause, first.component) == (Cause.TRIP, "boiler")
    assert first.after == (False, True)


def test_the_maintainer_withholds_the_same_on_a_dae_plant_as_on_plug_flow() -> None:
    found: list[Run] = []
    for method in (Method.PLUGFLOW, Method.DAE):
        night = replace(shipped("plant_trip"), duration_s=1.5 * HOUR_S, method=method)
        found.append(run(with_faults(night, Fault("boiler.availability", 1800.0, 4500.0, 0.0))))
    events, curtailed = [], []
    for each in found:
        assert each.supervision is not None
        events.append([(fired.time_s, fired.after) for fired in each.supervision.fired])
        curtailed.append(each.supervision.curtailed_J.sum())
    assert events[0] == events[1] == [(1800.0, (False, True)), (4500.0, (False, False))]
    assert curtailed[1] == pytest.approx(curtailed[0], rel=5e-3)


def test_ration_ends_when_the_boiler_is_back_and_everybody_is_served_again(trip: Run) -> None:
    assert trip.supervision is not None
    begin, end = trip.supervision.fired
    assert begin.time_s == pytest.approx(4 * HOUR_S)
    assert end.cause is None
    assert end.time_s == pytest.approx(13 * HOUR_S)
    late = trip.data.sel(time=slice(14 * HOUR_S, None))
    assert float(late["substation_unserved_heat"].max()) < 1.0


def test_max_min_ration_leaves_all_the_same_share_of_their_reservation(trip: Run) -> None:
    data = trip.data
    # the last whole hour before the boiler is back: nothing but the capacity binds
    at = data["time"].values
    inside = (at > 12 * HOUR_S) & (at <= 13 * HOUR_S)
    demanded = data["substation_heat_demand"].values[inside]
    cut = data["substation_curtailed_energy"].diff("time", label="upper").values[inside[1:]] / 300.0
    reserved = data["unit_reserved_energy"].values[12] / HOUR_S
    share = (demanded - cut) / np.minimum(demanded, reserved)
    assert share.max() < 0.9
    np.testing.assert_allclose(share, share[:, :1] * np.ones(16), rtol=1e-6)


def test_every_curtailed_and_dumped_joule_is_booked(trip: Run, both: Run) -> None:
    for name, found in (("plant_trip", trip), ("both", both)):
        missing = unbooked(shipped(name), found)
        assert max(missing.values()) < 1e-6, missing
    assert trip.supervision is not None
    books = trip.supervision.curtailment()
    assert books.participants[:2] == ("substation_1", "substation_2")
    total = float(trip.data["substation_curtailed_energy"][-1].sum())
    assert float(books.energy_J[:, :16].sum()) == pytest.approx(total, rel=1e-9)
    assert total > 100 * 3.6e6


def test_a_surplus_in_one_zone_and_a_shortage_in_another_go_together(both: Run) -> None:
    data = both.data
    assert list(data["zone"].values) == ["behind_booster", "at_boiler"]
    at_seven = data["safety_mode"].sel(time=7 * HOUR_S).values
    assert at_seven.tolist() == [2, 1]  # ration in the west, discard in the east
    west = [f"substation_{i}" for i in (2, 3, 5, 6, 10, 11, 15, 16)]
    cut = data["unit_curtailed_energy"].sum("safety_unit").to_series()
    assert cut.drop(west).max() == 0.0
    assert cut[west].min() > 0.0
    assert float(data["unit_dumped_energy"].sum()) > 10 * 3.6e6


def test_what_the_sun_gives_and_nobody_takes_is_dumped() -> None:
    # the solar field follows no command, so nothing can be refused
    found = run(replace(shipped("hot_spell"), duration_s=8 * HOUR_S))
    assert found.supervision is not None
    assert found.supervision.fired[0].cause is Cause.BACKFLOW
    assert float(found.data["dump_heat"].max()) > 5e3
    assert float(found.data["unit_refused_energy"].sum()) == 0.0
    without = run(replace(with_faults(shipped("hot_spell")), duration_s=8 * HOUR_S))
    assert without.supervision is not None
    assert without.supervision.fired == ()


def test_a_supervisor_that_never_acts_changes_nothing() -> None:
    scenario = replace(with_faults(shipped("plant_trip")), duration_s=6 * HOUR_S)
    assert scenario.closed_loop is not None
    off = replace(scenario.closed_loop.safety, enabled=False)
    bare = run(replace(scenario, closed_loop=replace(scenario.closed_loop, safety=off)))
    watched = run(scenario)
    assert bare.supervision is None
    assert watched.supervision is not None
    assert watched.supervision.fired == ()
    for name in ("node_temperature", "plant_heat", "substation_heat"):
        np.testing.assert_array_equal(bare.data[name].values, watched.data[name].values)


class Mute:
    """A controller whose ladder ends on its last rung."""

    def init(self, observation: Observation, preview: Preview) -> object:
        return None

    def step(
        self, observation: Observation, preview: Preview, applied: np.ndarray, state: object
    ) -> Decision:
        raise RuntimeError("no luck")


def test_the_last_rung_of_the_ladder_calls_for_the_maintainer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def last(
        self: Ladder, observation: Observation, preview: Preview, applied: np.ndarray, state: object
    ) -> Decision:
        held = self.bounds.clipped(np.asarray(applied), observation.time_s)
        return Decision(held, state, Outcome.MODEL_FAILURE, Rung.SAFETY, "nothing works")

    monkeypatch.setattr(Ladder, "step", last)
    scenario = replace(with_faults(shipped("plant_trip")), duration_s=HOUR_S)
    found = run(scenario, controller=Mute())
    assert found.supervision is not None
    first = found.supervision.fired[0]
    assert first.cause is Cause.LADDER
    assert first.time_s == 0.0
    assert float(found.data["substation_unserved_heat"].sum()) == pytest.approx(0.0, abs=1.0)


def test_cascading_curtails_excess_over_the_reservation_first() -> None:
    scenario = replace(shipped("plant_trip", policy=Policy.CASCADING), duration_s=6 * HOUR_S)
    faults = (
        Fault("boiler.availability", 4 * HOUR_S, 6 * HOUR_S, 0.0),
        Fault("tank.availability", 4 * HOUR_S, 6 * HOUR_S, 0.0),
        Fault("substation_1.heat_demand", 4 * HOUR_S, 6 * HOUR_S, 30e3),
    )
    found = run(with_faults(scenario, *faults))
    cut = found.data["unit_curtailed_energy"].sum("safety_unit")
    asked = found.data["unit_demanded_energy"].isel(unit=[4, 5]).sum("unit")
    reserved = found.data["unit_reserved_energy"].isel(unit=[4, 5]).sum("unit")
    first = float(cut.sel(substation="substation_1"))
    excess = float((asked - reserved).sel(substation="substation_1"))
    assert first >= 0.99 * excess > 0.0


@pytest.mark.slow
@pytest.mark.parametrize("number", range(8))
def test_a_random_day_with_faults_keeps_its_books_and_its_hard_limits(number: int) -> None:
    names = ("destest16_two_plants_run", "destest16_pump_trip_run")
    case = random_case(read_scenario(FOLDER / f"{names[number % 2]}.toml"), number)
    verdict = examine(case)
    assert verdict.passed, verdict.failures
