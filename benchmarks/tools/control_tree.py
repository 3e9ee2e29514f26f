"""The control problem of the suite `mpc`: deliver committed heat over a random tree.

One continuous-time model (3 upwind cells in every supply and return pipe, flows granted as
inputs) serves all programs; `stage` is its implicit-Euler form, solved along the flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.stage import StageModel
from rexdynnet.network.random import RandomOptions, random_tree
from rexdynnet.signals import Signal

Floats = NDArray[np.float64]

STEP_s = 900.0
SUBSTEPS = 3
CELLS = 3
GROUND_K = 281.15
SECONDARY_K = 303.15
EFFECTIVENESS = 0.7
SUPPLY_K = (338.15, 368.15)
LEAST_AT_CONSUMER_K = 328.15
PUMP_EFFICIENCY = 0.6
RETURN_START_K = 315.15
SUPPLY_START_K = 351.15


@dataclass(frozen=True)
class ControlTree:
    """The tree and what its operation is to cost.

    Parameters
    ----------
    parent : (n,) array
        Trench upstream of each trench; -1 at the plant. A substation stands at each one's end.
    cell_mass_kg, loss_per_s : (n,) arrays
        Of one cell of a pipe; rate at which it cools.
    resistance_Pa : (n,) array
        Pressure loss of one pipe per (kg/s)².
    design_flow_kg_per_s : (n,) array
    specific_heat : float
    density : float
    """

    parent: NDArray[np.int64]
    cell_mass_kg: Floats
    loss_per_s: Floats
    resistance_Pa: Floats
    design_flow_kg_per_s: Floats
    specific_heat: float
    density: float

    @property
    def size(self) -> int:
        """Number of substations."""
        return len(self.parent)

    @cached_property
    def states(self) -> tuple[Signal, ...]:
        """Cells of all supply pipes, then of all return pipes; ends of supply pipes bounded."""
        made: list[Signal] = []
        for line in ("supply", "return"):
            for i in range(self.size):
                for j in range(CELLS):
                    last = line == "supply" and j == CELLS - 1
                    limits = (LEAST_AT_CONSUMER_K, 368.65) if last else (-np.inf, np.inf)
                    made.append(Signal(f"{line}_{i}", f"cell_{j}", "K", 80.0, *limits))
        return tuple(made)

    @cached_property
    def controls(self) -> tuple[Signal, ...]:
        """Supply temperature and the substations' flows."""
        flows = (
            Signal(f"substation_{i}", "mass_flow", "kg/s", m, 0.05 * m, 1.3 * m)
            for i, m in enumerate(self.design_flow_kg_per_s)
        )
        return (Signal("plant", "supply_temperature", "K", 80.0, *SUPPLY_K), *flows)

    @cached_property
    def commitments(self) -> tuple[Signal, ...]:
        """Committed heats."""
        return tuple(Signal(f"substation_{i}", "heat", "W", 1e4) for i in range(self.size))

    def start(self) -> Floats:
        """First state."""
        half = self.size * CELLS
        return np.concatenate([np.full(half, SUPPLY_START_K), np.full(half, RETURN_START_K)])

    def first_guess(self) -> Floats:
        """Controls to start from."""
        return np.concatenate([[353.15], 0.7 * self.design_flow_kg_per_s])

    def commitment(self, stages: int, seed: int = 3) -> Floats:
        """Committed heats in W, shape (stages, n): a slow wave and two-hourly jumps."""
        phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, self.size)
        time = STEP_s * np.arange(stages)[:, None]
        wave = np.sin(2 * np.pi * time / 86400 + phase)
        jump = np.sign(np.sin(2 * np.pi * time / 7200 + 3 * phase))
        mean = self.design_flow_kg_per_s * self.specific_heat * 0.7 * 50.0
        return mean * (0.6 + 0.25 * wave + 0.15 * jump)

    def flows(self, u: ca.SX) -> list[ca.SX]:
        """Mass flow of each trench."""
        flows = [u[1 + i] for i in range(self.size)]
        for i in range(self.size - 1, 0, -1):
            flows[self.parent[i]] = flows[self.parent[i]] + flows[i]
        return flows

    def rate(self, x: ca.SX, u: ca.SX) -> ca.SX:
        """Time derivative of the state."""
        flows, rates = self.flows(u), []
        for i in range(self.size):
            inlet = u[0] if i == 0 else x[self._end(self.parent[i])]
            rates += self._pipe_rate(x, self._first(i), i, flows[i], inlet)
        mixed = self._returned(x, u)
        for i in range(self.size - 1, -1, -1):
            place = self.size * CELLS + self._first(i)
            if i > 0:
                end = x[place + CELLS - 1]
                mixed[self.parent[i]] = mixed[self.parent[i]] + flows[i] * end
        for i in range(self.size):
            place = self.size * CELLS + self._first(i)
            rates += self._pipe_rate(x, place, i, flows[i], mixed[i] / flows[i])
        return ca.vertcat(*rates)

    def advance(self, x: ca.SX, u: ca.SX, substeps: int = SUBSTEPS) -> ca.SX:
        """State after a step of implicit Euler, in closed form along the flow."""
        cells = [x[i] for i in range(x.numel())]
        flows, h = self.flows(u), STEP_s / substeps
        for _ in range(substeps):
            for i in range(self.size):
                inlet = u[0] if i == 0 else cells[self._end(self.parent[i])]
                self._pipe_step(cells, self._first(i), i, flows[i], inlet, h)
            mixed = self._returned(ca.vertcat(*cells), u)
            for i in range(self.size - 1, -1, -1):
                place = self.size * CELLS + self._first(i)
                end = self._pipe_step(cells, place, i, flows[i], mixed[i] / flows[i], h)
                if i > 0:
                    mixed[self.parent[i]] = mixed[self.parent[i]] + flows[i] * end
        return ca.vertcat(*cells)

    def heat(self, x: ca.SX, u: ca.SX) -> ca.SX:
        """Heat delivered to each substation, W."""
        ends = [x[self._end(i)] for i in range(self.size)]
        return ca.vertcat(
            *(
                u[1 + i] * self.specific_heat * EFFECTIVENESS * (ends[i] - SECONDARY_K)
                for i in range(self.size)
            )
        )

    def cost(self, x: ca.SX, u: ca.SX, q: ca.SX) -> ca.SX:
        """What a step costs: missed commitments, heat, pumping."""
        flows = self.flows(u)
        missed = ca.sumsqr((self.heat(x, u) - q) / 1e4)
        back = x[self.size * CELLS + CELLS - 1]
        heat_kW = flows[0] * self.specific_heat * (u[0] - back) / 1e3
        lost = sum(2 * self.resistance_Pa[i] * flows[i] ** 3 for i in range(self.size))
        pump_kW = lost / self.density / 1e3 / PUMP_EFFICIENCY + 0.02 * flows[0]
        return ca.vertcat(missed, 1e-3 * heat_kW, 0.05 * pump_kW)

    def stage(self, substeps: int = SUBSTEPS) -> StageModel:
        """The discrete-time model."""
        x, u, q = (
            ca.SX.sym(name, len(signals))
            for name, signals in (("x", self.states), ("u", self.controls), ("q", self.commitments))
        )
        after = self.advance(x, u, substeps)
        results = [after, self.heat(x, u), ca.SX(0, 1), self.cost(x, u, q)]
        return StageModel(
            f"tree_{self.size}",
            self.states,
            self.controls,
            self.commitments,
            self.commitments,
            (),
            ("missed", "heat", "pump"),
            STEP_s,
            ca.Function("evaluate", [x, u, q], results),
            ca.Function("terminal", [x, q], [ca.SX(0)]),
        )

    def _first(self, i: int) -> int:
        return i * CELLS

    def _end(self, i: int) -> int:
        return int(i) * CELLS + CELLS - 1

    def _pipe_rate(self, x: ca.SX, place: int, i: int, flow: ca.SX, inlet: ca.SX) -> list[ca.SX]:
        rates: list[ca.SX] = []
        for j in range(CELLS):
            cell = x[place + j]
            moved = flow / self.cell_mass_kg[i] * (inlet - cell)
            rates.append(moved - self.loss_per_s[i] * (cell - GROUND_K))
            inlet = cell
        return rates

    def _pipe_step(
        self, cells: list[ca.SX], place: int, i: int, flow: ca.SX, inlet: ca.SX, h: float
    ) -> ca.SX:
        a, b = h / self.cell_mass_kg[i] * flow, h * self.loss_per_s[i]
        for j in range(place, place + CELLS):
            inlet = cells[j] = (cells[j] + a * inlet + b * GROUND_K) / (1 + a + b)
        return inlet

    def _returned(self, x: ca.SX, u: ca.SX) -> list[ca.SX]:
        """Mass flow times temperature that each substation returns."""
        mixed: list[ca.SX] = []
        for i in range(self.size):
            supply = x[self._end(i)]
            mixed.append(u[1 + i] * (supply - EFFECTIVENESS * (supply - SECONDARY_K)))
        return mixed


def control_tree(substations: int, seed: int = 1) -> ControlTree:
    """Draw a tree with trenches long enough for delays to matter."""
    network = random_tree(substations, seed, RandomOptions(length_m=(200.0, 600.0)))
    supply = network.pipes[0::2]
    parent = np.array([int(pipe.from_node.split("_")[0]) - 1 for pipe in supply])
    fluid = network.fluid
    mass = np.array([pipe.volume_m3 for pipe in supply]) * fluid.density_kg_per_m3 / CELLS
    loss = np.array([pipe.loss_W_per_mK * pipe.length_m for pipe in supply]) / CELLS
    heat = fluid.specific_heat_J_per_kgK
    resistance = [
        8 * 0.02 * p.length_m / (np.pi**2 * fluid.density_kg_per_m3 * p.inner_diameter_m**5)
        for p in supply
    ]
    flows = np.random.default_rng(seed).uniform(0.2, 0.5, substations)
    return ControlTree(
        parent, mass, loss / (mass * heat), np.array(resistance), flows, heat,
        fluid.density_kg_per_m3,
    )  # fmt: skip
