"""Balances and invariances that hold exactly, whatever the network."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from rexdynnet.network.graph import Network
from rexdynnet.network.random import random_mesh, random_tree
from rexdynnet.network.read import read_network
from rexdynnet.simulation.plant import DenseOutput, Inputs
from rexdynnet.simulation.plugflow import PlugFlowOptions, PlugFlowPlant
from tests.data import ROOT

SHIPPED = (
    "destest8",
    "destest16",
    "destest32",
    "destest16_two_plants",
    "meshed_two_plants",
    "one_pipe_bench",
)
DAY_s = 86400.0


def random_inputs(plant: PlugFlowPlant, rng: np.random.Generator) -> Inputs:
    """Inputs in their usual range: loads, heats and flows at random, the rest at the defaults."""
    values: list[float] = []
    for signal in (*plant.controls, *plant.disturbances):
        share = float(rng.uniform(0.1, 0.6))
        match signal.quantity:
            case "heat_demand" | "mass_flow_demand":
                values.append(share * signal.nominal)
            case "heat":
                values.append(0.3 * share * signal.nominal)
            case "mass_flow":
                values.append(float(rng.uniform(-0.1, 0.1)) * signal.nominal)
            case "supply_temperature":
                values.append((signal.default or 353.15) + float(rng.uniform(-5.0, 5.0)))
            case "opening":
                values.append(share)
            case _:
                values.append(0.0 if signal.default is None else signal.default)
    row = np.array(values)
    return Inputs(row[: len(plant.controls)], row[len(plant.controls) :])


def run(plant: PlugFlowPlant, until_s: float, seed: int) -> tuple[DenseOutput, float, float]:
    """Hourly random inputs; last output, largest mass residual, sum of absolute energies."""
    rng = np.random.default_rng(seed)
    held = random_inputs(plant, rng)
    state = plant.init(held)
    worst = 0.0
    moved = 0.0
    for hour in range(1, int(until_s / 3600.0) + 1):
        state, output = plant.advance(state, held, held, hour * 3600.0)
        flow = float(np.max(np.abs(output.records["plant_mass_flow"])))
        worst = max(worst, float(np.max(output.records["mass_residual"])) / max(flow, 1e-3))
        moved += float(np.sum(np.abs(output.records["plant_heat"][-1]))) * 3600.0
        held = random_inputs(plant, rng)
    return output, worst, moved


def check_balances(network: Network, until_s: float) -> None:
    output, worst, moved = run(PlugFlowPlant(network, PlugFlowOptions(60.0)), until_s, seed=1)
    assert worst < 1e-9
    assert abs(output.records["energy_residual"][-1]) < 1e-6 * moved


@pytest.mark.parametrize("name", SHIPPED)
def test_mass_and_energy_balance_over_a_day(name: str) -> None:
    check_balances(read_network(ROOT / "models" / "networks" / name), DAY_s)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_mass_and_energy_balance_over_a_week(name: str) -> None:
    check_balances(read_network(ROOT / "models" / "networks" / name), 7 * DAY_s)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_meshes_balance_mass_and_energy(seed: int) -> None:
    check_balances(random_mesh(12, seed, chords=3), 6 * 3600.0)


def _renamed(component: Any, nodes: dict[str, str], prefix: str) -> Any:
    changes: dict[str, Any] = {}
    for each in fields(component):
        value = getattr(component, each.name)
        if each.name in ("name", "partner", "trench") and isinstance(value, str) and value:
            changes[each.name] = prefix + value
        elif isinstance(value, str) and value in nodes:
            changes[each.name] = nodes[value]
    return replace(component, **changes)


def shuffled(network: Network, seed: int) -> Network:
    """The same network with other names, listed in another order."""
    rng = np.random.default_rng(seed)
    nodes = {node.name: f"n{place}" for place, node in enumerate(network.nodes)}

    def mixed(kind: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(_renamed(kind[i], nodes, "x_") for i in rng.permutation(len(kind)))

    return replace(
        network,
        nodes=tuple(
            replace(network.nodes[i], name=nodes[network.nodes[i].name])
            for i in rng.permutation(len(network.nodes))
        ),
        pipes=mixed(network.pipes),
        substations=mixed(network.substations),
        plants=mixed(network.plants),
        tanks=mixed(network.tanks),
        dumps=mixed(network.dumps),
        holdings=tuple(_renamed(each, nodes, "x_") for each in network.holdings),
    )


@pytest.mark.parametrize("meshed", [False, True])
def test_names_and_order_do_not_change_the_answer(meshed: bool) -> None:
    network = random_mesh(10, 3, chords=2) if meshed else random_tree(10, 3)
    other = shuffled(network, seed=4)
    answers: list[dict[str, np.ndarray]] = []
    for each, prefix in ((network, ""), (other, "x_")):
        plant = PlugFlowPlant(each)
        signals = (*plant.controls, *plant.disturbances)
        values: list[float] = []
        for signal in signals:
            plain = signal.component.removeprefix(prefix)
            draw = np.random.default_rng([ord(letter) for letter in plain]).uniform(0.2, 0.6)
            wanted = signal.default
            if signal.default is None or signal.quantity == "opening":
                wanted = draw * signal.nominal
            values.append(float(wanted or 0.0))
        row = np.array(values)
        held = Inputs(row[: len(plant.controls)], row[len(plant.controls) :])
        state = plant.init(held, temperatures_K={each.nodes[0].name: 330.0})
        for hour in (1, 2):
            state, output = plant.advance(state, held, held, hour * 3600.0)
        names = [substation.name.removeprefix(prefix) for substation in each.substations]
        order = np.argsort(names)
        answers.append(
            {
                name: output.records[name][-1, order]
                for name in (
                    "substation_supply_temperature",
                    "substation_mass_flow",
                    "substation_heat",
                )
            }
        )
    for name, values in answers[0].items():
        np.testing.assert_allclose(answers[1][name], values, rtol=1e-7, atol=1e-7)
