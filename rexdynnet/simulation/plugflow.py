"""The default plant: plug flow with exact advection, compiled, by steps of fixed length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError, SolverError
from rexdynnet.network.spec import Line
from rexdynnet.physics.friction import FrictionLaw
from rexdynnet.signals import Signal
from rexdynnet.simulation import steady
from rexdynnet.simulation.build_layout import build_layout
from rexdynnet.simulation.hydraulics import CONVERGED, SINGULAR
from rexdynnet.simulation.kernel import run_segments, solve_flows
from rexdynnet.simulation.layout import CellRule, Layout
from rexdynnet.simulation.network_signals import NetworkSignals
from rexdynnet.simulation.plant import DenseOutput, Floats, Inputs, Method, PlantState
from rexdynnet.simulation.rows import Records, stored_heat
from rexdynnet.simulation.state import State, new_state
from rexdynnet.simulation.transport import ENERGY_START


@dataclass(frozen=True)
class PlugFlowOptions:
    """How finely the plug-flow plant computes.

    Parameters
    ----------
    step_s : float
        Longest internal step; the loop of hydraulics and heat is second order in it.
    cells : CellRule
        Resolution of pipe walls.
    friction : FrictionLaw
    """

    step_s: float = 30.0
    cells: CellRule = field(default_factory=CellRule)
    friction: FrictionLaw = FrictionLaw.COLEBROOK

    def __post_init__(self) -> None:
        if not self.step_s > 0:
            raise InputError(
                Finding(f"step of {self.step_s} s", "give a positive step", field="step")
            )


@dataclass(frozen=True)
class PlugFlowPlant(NetworkSignals):
    """A network simulated by plug flow; see `rexdynnet.simulation.plant.Plant`.

    Parameters
    ----------
    network : Network
        Checked.
    options : PlugFlowOptions
    """

    options: PlugFlowOptions = field(default_factory=PlugFlowOptions)

    @cached_property
    def layout(self) -> Layout:
        """The network as arrays."""
        nikuradse = self.options.friction is FrictionLaw.NIKURADSE
        return build_layout(self.network, self.options.cells, nikuradse=nikuradse)

    def init(
        self,
        inputs: Inputs,
        parameters: Floats | None = None,
        *,
        time_s: float = 0.0,
        temperatures_K: Mapping[str, float] | None = None,
    ) -> PlantState:
        """Start in the steady state of `inputs`, or at given temperatures.

        Parameters
        ----------
        inputs : Inputs
        parameters : (n_p,) array or None
            None: the signals' defaults.
        time_s : float
        temperatures_K : mapping of node name to K, or None
            With it nothing is steady: pipes and their walls start linear between their ends,
            nodes not named at the mean of the given ones. Names of tanks give a
            uniform store, names of substations with a building its room.

        Returns
        -------
        PlantState

        Raises
        ------
        InputError
            If a name is unknown or an input is not finite.
        SolverError
            If no hydraulic or thermal steady state is found.
        """
        p = self._parameters_or_default(parameters)
        u = _rows([inputs.controls], self.controls)[0]
        d = _rows([inputs.disturbances], self.disturbances)[0]
        model = new_state(self.layout)
        given = dict(temperatures_K or {})
        self._place_temperatures(model, given, u)
        if temperatures_K is None:
            result = steady.sweep_to_steady(self.layout, model, u, d, p)
            self._raise_unless_converged(result.outcome, result.edge, time_s)
            if result.change_K > 1e-6:
                raise SolverError(
                    f"the steady start still moves by {result.change_K:.2g} K a sweep",
                    "start from given temperatures",
                    time_s=time_s,
                )
        else:
            model.nodes["guess_K"] = model.nodes["K"]
            outcome, edge = solve_flows(self.layout, model, u, d, p)
            self._raise_unless_converged(outcome, edge, time_s)
        steady.fill_pipes(self.layout, model, d, p, temperatures_K is None)
        model.nodes["before_K"] = model.nodes["K"]
        model.edges["sign"] = 2
        model.energy_J[ENERGY_START] = stored_heat(self.layout, model)
        return _pack(model, p, time_s)

    def with_parameters(self, state: PlantState, parameters: Floats) -> PlantState:
        """Same state under other run-time parameters.

        Parameters
        ----------
        state : PlantState
        parameters : (n_p,) array

        Returns
        -------
        PlantState
        """
        arrays = {
            **state.arrays,
            "parameters": self._parameters_or_default(parameters),
            "since_s": np.full(1, np.inf),
        }
        return PlantState(state.time_s, state.method, arrays)

    def advance(
        self, state: PlantState, start: Inputs, end: Inputs, until_s: float
    ) -> tuple[PlantState, DenseOutput]:
        """Move on to `until_s` under inputs that go linearly from `start` to `end`.

        Parameters
        ----------
        state : PlantState
            Of this plant; it is left as it is.
        start, end : Inputs
            Just after `state.time_s` and just before `until_s`; equal where they hold.
        until_s : float

        Returns
        -------
        state : PlantState
        output : DenseOutput

        Raises
        ------
        InputError
            If an input is not finite or time does not advance.
        SolverError
            If the hydraulics find no solution; names time and component.
        """
        return self.advance_over(state, ((start, end, until_s),))

    def advance_over(
        self, state: PlantState, pieces: Sequence[tuple[Inputs, Inputs, float]]
    ) -> tuple[PlantState, DenseOutput]:
        """Move on over several pieces in a row, as `advance` after `advance` but faster.

        Parameters
        ----------
        state : PlantState
            Of this plant; it is left as it is.
        pieces : sequence of (start, end, until_s)
            See `advance`; the inputs may jump between pieces. At least one.

        Returns
        -------
        state : PlantState
        output : DenseOutput
            The time at which pieces meet stands there twice: before and after the jump.

        Raises
        ------
        InputError
            If an input is not finite or time does not advance.
        SolverError
            If the hydraulics find no solution; names time and component.
        """
        if state.method is not Method.PLUGFLOW:
            raise InputError(
                Finding(
                    f"a state of method {state.method.name} was given to the plug-flow plant",
                    "advance it with the plant that made it",
                )
            )
        times_s = np.array([state.time_s, *(until_s for _, _, until_s in pieces)])
        steps = self._steps_of(times_s)
        starts = [start for start, _, _ in pieces]
        ends = [end for _, end, _ in pieces]
        u_start, u_end = (
            _rows([at.controls for at in rows], self.controls) for rows in (starts, ends)
        )
        d_start, d_end = (
            _rows([at.disturbances for at in rows], self.disturbances) for rows in (starts, ends)
        )
        model = _unpack(state)
        p = np.array(state.arrays["parameters"], dtype=np.float64)
        records = self._new_records(int(steps.sum()) + len(steps), model)
        outcome, edge, failed_s = run_segments(
            self.layout,
            model,
            records,
            u_start,
            u_end,
            d_start,
            d_end,
            p,
            times_s,
            steps,
        )
        self._raise_unless_converged(outcome, edge, failed_s)
        if not np.isfinite(records.node_K).all():
            row, node = np.argwhere(~np.isfinite(records.node_K))[0]
            raise SolverError(
                "a temperature is not finite",
                "check the inputs of this time",
                time_s=float(records.time_s[row]),
                component=self.network.nodes[int(node)].name,
            )
        return _pack(model, p, float(times_s[-1])), self._output(records)

    def _steps_of(self, times_s: Floats) -> NDArray[np.int64]:
        spans = np.diff(times_s)
        if not (spans > 0).all():
            late = int(np.argmin(spans > 0))
            raise InputError(
                Finding(
                    f"until_s = {times_s[late + 1]} does not lie after the state's time "
                    f"{times_s[late]}",
                    "give a later time",
                )
            )
        return np.maximum(np.ceil(spans / self.options.step_s - 1e-9), 1.0).astype(np.int64)

    def _parameters_or_default(self, parameters: Floats | None) -> Floats:
        if parameters is None:
            return np.array([signal.default or 0.0 for signal in self.parameters])
        values = np.array(parameters, dtype=np.float64)
        if values.shape != (len(self.parameters),) or not np.isfinite(values).all():
            raise InputError(
                Finding(
                    f"parameters have shape {values.shape} or are not finite",
                    f"give {len(self.parameters)} finite numbers in the order of plant.parameters",
                )
            )
        return values

    def _place_temperatures(self, model: State, given: dict[str, float], u: Floats) -> None:
        names = {node.name for node in self.network.nodes}
        layout = self.layout
        at_nodes = [value for name, value in given.items() if name in names]
        hot = float(np.max(u[layout.plants["temperature_at"]]))
        for place, column in enumerate(layout.graph.node_column):
            node = self.network.nodes[column]
            otherwise = hot if node.line is Line.SUPPLY else 313.15
            if at_nodes:
                otherwise = sum(at_nodes) / len(at_nodes)
            model.nodes["K"][place] = given.pop(node.name, otherwise)
        for i, tank in enumerate(self.network.tanks):
            first = layout.others.tanks["start"][i]
            last = first + tank.layers
            upper = first + (last - first + 1) // 2
            model.tank_K[first:upper] = given.get(tank.name, hot)
            model.tank_K[upper:last] = given.pop(tank.name, 313.15)
        for i, substation in enumerate(self.network.substations):
            if substation.building is not None:
                model.substations["room_K"][i] = given.pop(
                    substation.name, substation.building.setpoint_K
                )
        if given:
            raise InputError(
                Finding(
                    f"initial temperatures name {', '.join(sorted(given))}",
                    "name nodes, tanks or substations with a building",
                )
            )

    def _raise_unless_converged(self, outcome: int, edge: int, time_s: float) -> None:
        if outcome == CONVERGED:
            return
        if edge < len(self.network.pipes):
            edge = int(self.layout.graph.pipe_column[edge])
        component = list(self.network.components())[edge].name
        if outcome == SINGULAR:
            raise SolverError(
                "the hydraulics have no unique solution",
                "check that pressure can balance every node (closed valves, tripped plants)",
                time_s=time_s,
                component=component,
            )
        raise SolverError(
            "the hydraulics did not converge",
            "look for a valve or pump that hunts here; a shorter step may help",
            time_s=time_s,
            component=component,
        )

    def _new_records(self, rows: int, model: State) -> Records:
        graph = self.layout.graph
        sizes = {
            "node_K": len(graph.nodes),
            "pressure_Pa": len(graph.nodes),
            "flow": len(graph.edges),
            "tank_K": len(model.tank_K),
            "tank_W": len(model.tanks),
            "dump_W": len(model.dumps),
            "room_K": len(model.substations),
            "outside_K": 2,
            "energy_J": 6,
        }
        for name in Records._fields:
            if name.startswith("pipe_"):
                sizes[name] = graph.first_substation
            elif name.startswith("substation_"):
                sizes[name] = len(model.substations)
            elif name.startswith("plant_"):
                sizes[name] = len(model.plants)
        return Records(
            **{
                name: np.empty((rows, sizes[name]) if name in sizes else rows)
                for name in Records._fields
            }
        )

    def _output(self, records: Records) -> DenseOutput:
        graph, network = self.layout.graph, self.network
        flow = records.flow
        substations = slice(graph.first_substation, graph.first_plant)
        plants = slice(graph.first_plant, graph.first_tank)
        column = graph.node_column
        tail, head = column[graph.edges["tail"]], column[graph.edges["head"]]
        potential_Pa = np.empty(len(column))
        potential_Pa[column] = graph.nodes["potential_Pa"]
        heads = records.pressure_Pa + potential_Pa

        def drop(edges: slice) -> Floats:
            return heads[:, tail[edges]] - heads[:, head[edges]]

        demand = records.substation_demand_W
        named: dict[str, Floats] = {
            "node_temperature": records.node_K,
            "node_pressure": records.pressure_Pa,
            "pipe_mass_flow": flow[:, : graph.first_substation],
            "pipe_inlet_temperature": records.pipe_in_K,
            "pipe_outlet_temperature": records.pipe_out_K,
            "pipe_heat_loss": records.pipe_loss_W,
            "substation_supply_temperature": records.node_K[:, tail[substations]],
            "substation_return_temperature": records.substation_return_K,
            "substation_mass_flow": flow[:, substations],
            "substation_heat": records.substation_W,
            "substation_heat_demand": demand,
            "substation_unserved_heat": np.maximum(demand - records.substation_W, 0.0),
            "substation_differential_pressure": drop(substations),
            "plant_supply_temperature": records.plant_K,
            "plant_return_temperature": records.node_K[:, tail[plants]],
            "plant_mass_flow": flow[:, plants],
            "plant_heat": records.plant_W,
            "plant_differential_pressure": -drop(plants),
            "plant_pump_power": records.plant_pump_W,
            "plant_fuel_power": records.plant_fuel_W,
            "outdoor_temperature": records.outside_K[:, 0],
            "ground_temperature": records.outside_K[:, 1],
            "mass_residual": records.mass_residual,
        }
        if network.tanks:
            named["tank_temperature"] = self._layers(records.tank_K)
            named["tank_mass_flow"] = flow[:, graph.first_tank : graph.first_dump]
            named["tank_heat"] = records.tank_W
        if network.dumps:
            named["dump_mass_flow"] = flow[:, graph.first_dump : graph.first_pump]
            named["dump_heat"] = records.dump_W
        if network.pumps:
            named["pump_mass_flow"] = flow[:, graph.first_pump : graph.first_valve]
            named["pump_head"] = -drop(slice(graph.first_pump, graph.first_valve))
        if network.valves:
            named["valve_mass_flow"] = flow[:, graph.first_valve : graph.first_bypass]
        if network.bypasses:
            named["bypass_mass_flow"] = flow[:, graph.first_bypass :]
        with_rooms = self.layout.substations["has_building"] == 1
        if with_rooms.any():
            named["building_temperature"] = records.room_K[:, with_rooms]
        energy = records.energy_J
        for k, name in enumerate(("plants", "delivered", "dumped", "lost", "makeup", "stored")):
            named[f"energy_{name}"] = energy[:, k]
        named["energy_residual"] = energy @ np.array([1.0, -1.0, -1.0, -1.0, 1.0, -1.0])
        return DenseOutput(records.time_s, named)

    def _layers(self, flat: Floats) -> Floats:
        starts, layers = self.layout.others.tanks["start"], self.layout.others.tanks["layers"]
        out = np.full((len(flat), len(layers), int(layers.max())), np.nan)
        for i, n in enumerate(layers):
            out[:, i, :n] = flat[:, starts[i] : starts[i] + n]
        return out


def _rows(values: list[Floats], signals: tuple[Signal, ...]) -> Floats:
    """Put controls or disturbances of several instants into rows; refuse what is not finite."""
    for at in values:
        if at.shape != (len(signals),):
            raise InputError(
                Finding(
                    f"inputs have shape {at.shape}",
                    f"give {len(signals)} numbers in the order of the plant's signals, "
                    f"{', '.join(signal.name for signal in signals[:3])}, ...",
                )
            )
    rows = np.array(values, dtype=np.float64)
    if not np.isfinite(rows).all():
        bad = signals[int(np.argwhere(~np.isfinite(rows))[0][1])]
        raise InputError(
            Finding(f"{bad.name} is not finite", "fill the gap", component=bad.component)
        )
    return rows


def _pack(model: State, parameters: Floats, time_s: float) -> PlantState:
    arrays: dict[str, NDArray[Any]] = {**model._asdict(), "parameters": parameters}
    return PlantState(time_s, Method.PLUGFLOW, arrays)


def _unpack(state: PlantState) -> State:
    parts = {name: state.arrays[name] for name in State._fields if name != "parcels"}
    return State(
        **{name: array.copy() for name, array in parts.items()},
        parcels=_copy_parcels(state.arrays["parcels"], parts["pipes"]),
    )


def _copy_parcels(parcels: NDArray[Any], pipes: NDArray[Any]) -> NDArray[Any]:
    """Copy the columns in use; short queues fill but a few of them."""
    copied = np.zeros_like(parcels)
    end = int((pipes["first"] + pipes["count"]).max(initial=0))
    used = end if end <= parcels.shape[1] else parcels.shape[1]
    copied[:, :used] = parcels[:, :used]
    return copied
