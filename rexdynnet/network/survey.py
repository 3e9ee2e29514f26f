"""A network in its design state: what the water of every substation meets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import expm1

from rexdynnet.network.branches import (
    Branches,
    Path,
    branch_flows,
    branch_paths,
    branch_room,
    find_branches,
)
from rexdynnet.network.design import (
    design_flow,
    design_return_K,
    design_supply_K,
    required_differential_pressure_Pa,
)
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Line, Substation

SUPPLY, RETURN = 0, 1
"""Position of each line in pairs."""


@dataclass(frozen=True)
class LineSurvey:
    """One line of a network in its design state; see `rexdynnet.network.branches`."""

    branches: Branches
    flow: Mapping[str, float]
    paths: Mapping[str, Path]
    room: Mapping[str, float]
    temperature_K: float


@dataclass(frozen=True)
class Survey:
    """A network in its design state: what every substation's water meets."""

    network: Network
    drawn: Mapping[str, float]
    returns_K: Mapping[str, float]
    lines: tuple[LineSurvey, LineSurvey]

    @classmethod
    def of(cls, network: Network) -> Survey:
        """Survey a network whose substations all have a finite design flow."""
        drawn = {item.name: design_flow(network, item) for item in network.substations}
        returns = {item.name: design_return_K(network, item) for item in network.substations}
        total = sum(drawn.values())
        mean_K = sum(drawn[name] * value for name, value in returns.items()) / max(total, 1e-12)
        lines: list[LineSurvey] = []
        for line, temperature in (
            (Line.SUPPLY, design_supply_K(network)),
            (Line.RETURN, mean_K),
        ):
            branches = find_branches(network, line)
            draws = [(node_of(item, line), drawn[item.name]) for item in network.substations]
            flow = branch_flows(branches, draws)
            paths = branch_paths(network, branches, flow, temperature)
            room = branch_room(branches, flow)
            lines.append(LineSurvey(branches, flow, paths, room, temperature))
        return cls(network, drawn, returns, (lines[0], lines[1]))

    def path(self, item: Substation, line: int) -> Path:
        """Way of a substation's water in one line."""
        return self.lines[line].paths[item.return_node if line else item.supply_node]

    def need_Pa(self, item: Substation) -> float:
        """Differential pressure that the core must offer for this substation."""
        way = self.path(item, SUPPLY).drop_Pa + self.path(item, RETURN).drop_Pa
        return way + required_differential_pressure_Pa(self.network, item)

    def loss_W(self) -> float:
        """Heat that the branches lose."""
        ground = self.network.ground.temperature_K
        hot = design_supply_K(self.network) - ground
        rate = self.network.fluid.specific_heat_J_per_kgK
        lost = 0.0
        for item in self.network.substations:
            cold = self.returns_K[item.name] - ground
            there = hot * -expm1(-self.path(item, SUPPLY).loss)
            back = cold * -expm1(-self.path(item, RETURN).loss)
            lost += self.drawn[item.name] * rate * (there + back)
        return lost

    def volume_m3(self) -> float:
        """Water in the branches that the substations draw through: flow times travel time."""
        mass = sum(
            self.drawn[item.name] * self.path(item, line).delay_s
            for item in self.network.substations
            for line in (SUPPLY, RETURN)
        )
        return mass / self.network.fluid.density_kg_per_m3


def node_of(item: Substation, line: Line) -> str:
    """Where a substation joins a line."""
    return item.supply_node if line is Line.SUPPLY else item.return_node


def round_trip_s(supply: Path, back: Path) -> float:
    """Travel time there and back."""
    return supply.delay_s + back.delay_s
