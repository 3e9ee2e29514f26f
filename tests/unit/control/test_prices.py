"""Nodal prices against finite differences of the optimal cost, and the delivery envelope."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from rexdynnet import InputError
from rexdynnet.control.envelope import delivery_envelope
from rexdynnet.control.prices import price_surface, stage_prices
from tests.unit.control.planning import generator_of, network_of, plan_of

START = datetime(2027, 2, 8, tzinfo=UTC)
CASES = [("tree", 0.5), ("tree", 1.7), ("destest16_two_plants", 0.5)]


@pytest.mark.parametrize(("name", "share"), CASES)
def test_prices_are_the_slope_of_the_optimal_cost(name, share):
    generator, found = generator_of(name), plan_of(name, share)
    prices = stage_prices(found, generator.network).total
    stage, small = generator.stage, 20.0
    for k, i in ((1, 0), (5, 2)):
        unit = generator.network.substations[i].name
        column = stage.index(stage.parameters, f"{unit}.heat_demand")
        costs = []
        for sign in (1.0, -1.0):
            moved = found.parameters.copy()
            moved[k, column] += sign * small
            plan = generator.program.solve(found.plan.states[0], moved, found.limits, found.plan)
            costs.append(plan.objective)
        slope = (costs[0] - costs[1]) / (2 * small) * 3.6e9 / stage.step_s
        assert prices[k, i] == pytest.approx(slope, rel=1e-2)


@pytest.mark.parametrize(("name", "share"), CASES)
def test_the_split_sums_to_the_total_and_agrees_with_the_solvers_multipliers(name, share):
    found, network = plan_of(name, share), network_of(name)
    parts = stage_prices(found, network)
    total = parts.energy + parts.loss + parts.congestion + parts.scarcity
    assert np.max(np.abs(total - parts.total)) < 1e-6
    assert np.max(parts.mismatch) < 1e-4


def test_without_scarcity_the_energy_costs_what_the_marginal_plant_burns():
    network, found = network_of("tree"), plan_of("tree", 0.5)
    (plant,) = network.plants
    parts = stage_prices(found, network)
    fuel = plant.fuel_price_EUR_per_MWh / plant.efficiency
    assert parts.energy[:4] == pytest.approx(fuel, rel=1e-2)
    assert np.all(parts.loss[:4] > 0)
    assert np.max(np.abs(parts.scarcity)) < 1e-3


def test_with_too_little_capacity_heat_costs_about_the_value_of_lost_load():
    parts = stage_prices(plan_of("tree", 1.7), network_of("tree"))
    assert np.all(parts.total[2:6] > 2000.0)
    assert np.all(parts.scarcity[2:6] > 0.8 * parts.total[2:6])


def test_the_surface_holds_whole_units_and_is_valid_only_when_certified():
    network, found = network_of("tree"), plan_of("tree", 0.5)
    surface = price_surface(found, network, START, 3600.0)
    assert surface.price_EUR_per_MWh.shape == (2, len(network.substations))
    assert surface.valid.all()
    parts = surface.energy + surface.loss + surface.congestion + surface.scarcity
    assert parts == pytest.approx(surface.price_EUR_per_MWh, abs=1e-9)
    doubtful = replace(found, plan=replace(found.plan, status=type(found.plan.status).FAILED))
    assert not price_surface(doubtful, network, START, 3600.0).valid.any()


def test_a_price_that_no_heat_is_worth_is_not_valid():
    network, found = network_of("tree"), plan_of("tree", 0.5)
    column = found.stage.index(found.stage.parameters, "network.lost_load_price")
    parameters = found.parameters.copy()
    parameters[: len(parameters) // 2, column] = 1.0
    surface = price_surface(replace(found, parameters=parameters), network, START, 3600.0)
    assert not surface.valid[0].any()
    assert surface.valid[-1].all()


def test_what_lies_in_the_envelope_can_be_delivered():
    generator, found = generator_of("tree"), plan_of("tree", 0.5)
    network = generator.network
    envelope = delivery_envelope(found, network, START)
    draws = np.random.default_rng(5)
    designs = np.array([unit.design_heat_W for unit in network.substations])
    columns = [
        generator.stage.index(generator.stage.parameters, f"{unit.name}.heat_demand")
        for unit in network.substations
    ]
    for _ in range(3):
        wanted = draws.uniform(0.2, 1.0, (2, len(designs))) * designs * 3600.0
        use = np.einsum("mnk,nk->m", envelope.rows, wanted)
        wanted *= np.min(envelope.limit_J / np.maximum(use, 1e-9))
        assert np.min(envelope.margin_J(wanted)) > -1e-3
        asked = found.parameters.copy()
        asked[:, columns] = np.repeat(wanted / 3600.0, 4, axis=0)
        plan = generator.program.solve(found.plan.states[0], asked, found.limits, found.plan)
        unserved = [
            i for i, s in enumerate(generator.stage.controls) if s.quantity == "curtailed_share"
        ]
        assert np.max(plan.controls[:, unserved]) < 1e-4


def test_a_higher_probability_sells_less():
    network, found = network_of("tree"), plan_of("tree", 0.5)
    spread = {unit.name: 0.1 * unit.design_heat_W for unit in network.substations}
    sold = [
        delivery_envelope(found, network, START, probability=p, deviation_W=spread).limit_J
        for p in (0.5, 0.9, 0.99)
    ]
    assert np.all(sold[0] >= sold[1])
    assert np.all(sold[1] >= sold[2])
    assert np.any(sold[1] > sold[2])


def test_a_probability_without_deviations_is_refused():
    with pytest.raises(InputError, match="deviation"):
        delivery_envelope(plan_of("tree", 0.5), network_of("tree"), START, probability=0.9)
