"""The suite `mpc`: a control step beside do-mpc, and what its shortcuts cost in closed loop."""

# ruff: noqa: E402
from __future__ import annotations

import os
import sys

# Read when the libraries load: one thread for everybody.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"
_THREADS = "threads as the caller set them" if "numpy" in sys.modules else "single thread"

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from benchmarks.tools.aggregate_loop import close_loop
from benchmarks.tools.control_tree import (
    CELLS,
    LEAST_AT_CONSUMER_K,
    SUBSTEPS,
    ControlTree,
    STEP_s,
    control_tree,
)
from benchmarks.tools.dompc_tree import Discretisation, DoMpc, dompc_controller
from rexdynnet.control.plan import Plan, SolveStatus, constant_plan
from rexdynnet.control.rti import RealTimeIteration
from rexdynnet.control.stage import StageModel
from rexdynnet.study.bench import Measurement, Sense, Timing

Floats = NDArray[np.float64]
Report = Callable[[str], None]

HORIZON = 24
LOOP_STEPS = 40
PEER_STEPS = {5: 20, 20: 10}
COLD_STEPS = 2
PLANT_SUBSTEPS = 12
PLANT_SIZE, MODEL_SIZE, AGGREGATE_STEPS = 1000, 20, 24


def measure(report: Report) -> Iterator[Measurement]:
    """Measure everything, small network first."""
    for size in (5, 20):
        report(f"{size} substations: {LOOP_STEPS} control steps, {PEER_STEPS[size]} of the peers")
        yield from control_steps(size)
    yield from on_aggregate(report)


def on_aggregate(report: Report) -> Iterator[Measurement]:
    """A controller that models 1,000 substations by 20, against the plant that has them all."""
    report(f"{PLANT_SIZE} substations planned on {MODEL_SIZE}: {AGGREGATE_STEPS} control steps")
    found = close_loop(PLANT_SIZE, MODEL_SIZE, AGGREGATE_STEPS)
    at = f"_aggregate_of_{PLANT_SIZE}"
    how = (
        f"model of {found.sizes[0]} states, {found.certified} of {AGGREGATE_STEPS} steps certified"
    )
    longest, usual = float(found.step_s.max()), float(np.median(found.step_s))
    yield Measurement(f"longest_step{at}", longest, "s", Sense.AT_MOST, 5.0, remark=how)
    yield Measurement(f"median_step{at}", usual, "s", Sense.AT_MOST, 5.0)
    yield Measurement(f"return_error{at}", found.return_error_K, "K", Sense.AT_MOST, 1.0)
    yield Measurement(f"heat_error{at}", found.heat_error_share, "1", Sense.AT_MOST, 0.05)
    yield Measurement(f"unserved{at}", found.unserved_share, "1", Sense.AT_MOST, 1e-3)
    yield Measurement(f"too_cold{at}", found.too_cold_Kh, "K h", Sense.AT_MOST, 10.0)


@dataclass
class Loop:
    """One controller in closed loop with the plant; what it cost so far."""

    plant: StageModel
    state: Floats
    plan: Plan
    seconds: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    short_Kh: list[float] = field(default_factory=list)
    iterations: list[int] = field(default_factory=list)

    def move(self, controls: Floats, committed: Floats, seconds: float) -> None:
        """Apply controls to the plant."""
        arguments = (self.state, controls, committed)
        self.costs.append(float(np.sum(np.asarray(self.plant.cost(*arguments), dtype=float))))
        self.state = np.asarray(self.plant.advance(*arguments), dtype=float).ravel()
        ends = self.state[CELLS - 1 : len(self.state) // 2 : CELLS]
        short = np.maximum(LEAST_AT_CONSUMER_K - ends, 0.0).sum() * STEP_s / 3600.0
        self.short_Kh.append(float(short))
        self.seconds.append(seconds)

    def cost(self, steps: int | None = None) -> float:
        """Sum of the first steps' costs."""
        return sum(self.costs[:steps])

    @property
    def timing(self) -> Timing:
        """Of the warm steps."""
        return Timing(tuple(self.seconds[COLD_STEPS:]))


@dataclass
class Race:
    """All controllers of one network, moved in turn."""

    tree: ControlTree
    quick: Loop
    converged: Loop
    collocation: Loop
    feedback_s: list[float]
    discrete_s: list[float]
    apart: list[float]
    statuses: set[SolveStatus]


def run(size: int) -> Race:
    """Close the loops of all controllers side by side.

    The peer on the discrete-time model rides along with the converged loop: both solve
    from the same measured states, so that their objectives can be compared.
    """
    tree = control_tree(size)
    stage, plant = tree.stage(), tree.stage(PLANT_SUBSTEPS)
    committed = tree.commitment(HORIZON + LOOP_STEPS)
    quick_solver = RealTimeIteration(stage, HORIZON)
    exact_solver = RealTimeIteration(stage, HORIZON)
    start = tree.start()
    guess = constant_plan(stage, HORIZON, start, tree.first_guess())
    first = exact_solver.converge(guess, start, committed[:HORIZON])
    quick, converged, collocation = (Loop(plant, start, first) for _ in range(3))
    peers = {kind: dompc_controller(tree, HORIZON, committed, kind) for kind in Discretisation}
    race = Race(tree, quick, converged, collocation, [], [], [], set())
    for k in range(LOOP_STEPS):
        ahead = committed[k : k + HORIZON]
        _quick_step(race, quick_solver, ahead, shift=k > 0)
        begin = perf_counter()
        plan = converged.plan.shifted() if k else converged.plan
        plan = exact_solver.converge(plan, converged.state, ahead)
        seconds = perf_counter() - begin
        race.statuses.add(plan.status)
        converged.plan = plan
        converged.iterations.append(plan.iterations)
        if k < PEER_STEPS[size]:
            _peer_steps(race, peers, plan, ahead[0])
        converged.move(plan.controls[0], ahead[0], seconds)
    return race


def _quick_step(race: Race, solver: RealTimeIteration, ahead: Floats, *, shift: bool) -> None:
    """Prepare before the state is known, then answer to it; both count."""
    loop = race.quick
    begin = perf_counter()
    prepared = solver.prepare(loop.plan.shifted() if shift else loop.plan, ahead)
    measured = perf_counter()
    plan = solver.feedback(prepared, loop.state)
    end = perf_counter()
    if plan.status is not SolveStatus.STEP_TAKEN:
        raise RuntimeError(f"a real-time iteration failed: {plan.status.value}")
    race.feedback_s.append(end - measured)
    loop.plan = plan
    loop.move(plan.controls[0], ahead[0], end - begin)


def _peer_steps(
    race: Race, peers: dict[Discretisation, DoMpc], mine: Plan, committed: Floats
) -> None:
    peer, loop = peers[Discretisation.COLLOCATION], race.collocation
    begin = perf_counter()
    controls = peer.step(loop.state)
    seconds = perf_counter() - begin
    loop.iterations.append(peer.iterations)
    loop.move(controls, committed, seconds)
    peer = peers[Discretisation.DISCRETE]
    begin = perf_counter()
    peer.step(race.converged.state)
    race.discrete_s.append(perf_counter() - begin)
    race.apart.append(abs(mine.objective - peer.objective) / abs(peer.objective))
    if not all(one.success for one in peers.values()):
        raise RuntimeError("do-mpc did not solve a step")


def control_steps(size: int) -> Iterator[Measurement]:
    """Figures of one network."""
    race = run(size)
    quick, exact, peer = race.quick, race.converged, race.collocation
    ours, theirs = quick.timing, peer.timing
    steps = PEER_STEPS[size]
    what = (
        f"{size} substations, {HORIZON} stages of 15 min, {CELLS} cells a pipe "
        f"({len(race.tree.states)} states, {len(race.tree.controls)} inputs), {_THREADS}"
    )
    feedback_ms = 1e3 * float(np.median(race.feedback_s[COLD_STEPS:]))
    yield Measurement(
        f"rti_speed_{size}",
        theirs.median_s / ours.median_s,
        "1",
        Sense.AT_LEAST,
        25.0,
        ours,
        theirs,
        f"{what}; ours one real-time iteration, preparation and feedback ({feedback_ms:.1f} ms "
        f"after the measurement); peer do-mpc, default collocation, IPOPT with MUMPS, warm, "
        f"{np.median(peer.iterations):.0f} iterations",
    )
    excess = quick.cost() / exact.cost() - 1
    beside = peer.cost(steps) / quick.cost(steps) - 1
    yield Measurement(
        f"rti_cost_{size}",
        abs(excess),
        "1",
        Sense.AT_MOST,
        1e-3,
        remark=f"closed-loop cost beside the converged solution's, {LOOP_STEPS} steps on a plant "
        f"of {PLANT_SUBSTEPS} substeps (the models' {SUBSTEPS}): {excess:+.1e}; do-mpc's "
        f"beside ours over {steps} steps: {beside:+.1e}",
    )
    yield Measurement(
        f"rti_violation_{size}",
        sum(quick.short_Kh) - sum(exact.short_Kh),
        "K h",
        Sense.AT_MOST,
        1e-6,
        remark=f"least supply temperature: ours {sum(quick.short_Kh):.2e} K h, converged "
        f"{sum(exact.short_Kh):.2e} K h",
    )
    discrete = Timing(tuple(race.discrete_s[COLD_STEPS:]))
    certified = Timing(tuple(exact.seconds[COLD_STEPS:steps]))
    yield Measurement(
        f"nlp_speed_{size}",
        discrete.median_s / certified.median_s,
        "1",
        Sense.AT_LEAST,
        5.0,
        certified,
        discrete,
        f"{what}; ours iterated until its own residual is certified "
        f"({np.median(exact.iterations):.0f} iterations; "
        f"{', '.join(sorted(status.name for status in race.statuses))}); peer do-mpc on the same "
        f"discrete-time model and measured states",
    )
    yield Measurement(
        f"nlp_objective_{size}",
        max(race.apart),
        "1",
        Sense.AT_MOST,
        1e-3,
        remark="largest relative difference of the optimal objectives",
    )
