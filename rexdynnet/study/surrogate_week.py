"""A scenario's week over the surrogate network: its demands and forecasts, without its plant."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.policies import ForecastFollowing
from rexdynnet.network.spec import PlantKind
from rexdynnet.network.survey import Survey
from rexdynnet.study.market_people import People
from rexdynnet.study.market_settings import Arrangement, MarketSettings, reserving
from rexdynnet.study.run_settings import RunSettings
from rexdynnet.study.run_world import make_forecaster
from rexdynnet.study.scenario import SimulationScenario, forcing_of
from rexdynnet.study.surrogate import Demands, Plant, Surrogate, trade_week

Floats = NDArray[np.float64]
_HOUR_S = 3600.0


@dataclass(frozen=True)
class PaidWeek:
    """What participants paid in a week, in the order of the scenario's substations.

    Parameters
    ----------
    bill_EUR, paid_EUR : ndarray, shape (participants,)
        After and before the maker's surplus is shared out.
    delivered_MWh : ndarray, shape (participants,)
    """

    bill_EUR: Floats
    paid_EUR: Floats
    delivered_MWh: Floats


def surrogate_of(scenario: SimulationScenario, arrangement: Arrangement) -> Surrogate:
    """Reduce a scenario to merit order, losses and delay.

    Parameters
    ----------
    scenario : SimulationScenario
        With `[control]` and `[market]`, hourly units, boilers only, and participants that
        follow their forecasts.
    arrangement : Arrangement

    Returns
    -------
    Surrogate
        Plants in order of the price of their heat, each at fuel price over efficiency; losses of
        the design state; the share of an hour's heat that is under way in that state.

    Raises
    ------
    InputError
        The scenario has no market, or what no surrogate stands for.
    """
    _, market = _market(scenario)
    network, people = scenario.network, len(reserving(scenario.network))
    wrong: list[str] = []
    if market.unit_s != _HOUR_S or market.gate_s != _HOUR_S:
        wrong.append("units or gates that are not one hour")
    if any(plant.kind is not PlantKind.BOILER for plant in network.plants):
        wrong.append("plants other than boilers")
    if not isinstance(market.policy, ForecastFollowing) or market.policies or market.producers:
        wrong.append("policies other than following the forecast, or producers")
    if market.buildings:
        wrong.append("buildings whose flats trade")
    if wrong:
        raise InputError(
            Finding(
                f"a surrogate knows no {'; no '.join(wrong)}",
                "run the scenario itself, or change it",
                file=scenario.source,
                field="market",
            )
        )
    survey = Survey.of(network)
    drawn = sum(survey.drawn.values())
    delay_s = sum(survey.path(u, 0).delay_s * survey.drawn[u.name] for u in network.substations)
    steps: list[Plant] = []
    for plant in network.plants:
        price = plant.fuel_price_EUR_per_MWh / plant.efficiency
        steps.append(Plant(plant.capacity_W, price, price))
    policy = market.policy
    return Surrogate(
        participants=people,
        hours=round(scenario.duration_s / _HOUR_S),
        cycle=1,
        window=market.window,
        deadband_lots=policy.deadband_lots if isinstance(policy, ForecastFollowing) else 0,
        plants=tuple(sorted(steps, key=lambda plant: plant.from_EUR_per_MWh)),
        lost_Wh=survey.loss_W(),
        delayed=min(delay_s / drawn / _HOUR_S, 1.0),
        pricing=market.pricing,
        mechanism=market.mechanism,
        terms=market.terms,
        arrangement=arrangement,
        tariff_EUR_per_MWh=market.tariff_EUR_per_MWh,
    )


def demands_of(scenario: SimulationScenario, seed: int) -> Demands:
    """Demands of a seed and the prosumers' forecasts of them, as the full run meets them.

    Parameters
    ----------
    scenario : SimulationScenario
    seed : int

    Returns
    -------
    Demands
        One issue an hour. Orders go out at the end of an hour: issue i is the forecast of hour
        i + 1, the first that of hour 0.
    """
    settings, market = _market(scenario)
    seeded = replace(scenario, seed=seed)
    ahead_s = settings.control.horizon_s + settings.control.step_s
    truth = forcing_of(replace(seeded, duration_s=scenario.duration_s + ahead_s))
    forecaster = make_forecaster(seeded, settings.forecast, truth)
    names = reserving(scenario.network)
    columns = {
        signal.component: column
        for column, signal in enumerate(truth.signals)
        if signal.quantity == "heat_demand"
    }
    people = People(market, forecaster, names, tuple(columns[name] for name in names))
    hours = round(scenario.duration_s / _HOUR_S)
    edges = _HOUR_S * np.arange(hours + 1, dtype=np.float64)
    known = np.zeros((hours, hours, len(names)))
    for issue in range(hours):
        now = 0 if issue == 0 else issue + 1
        last = min(now + market.window + 2, hours)
        if now < last:
            part = edges[now : last + 1]
            known[issue, now:last] = people.energy_Wh(forecaster, now * _HOUR_S, part)
    return Demands(known, forecaster.means(edges)[:, list(people.columns)])


def pay_week(
    scenario: SimulationScenario, seed: int, arrangements: tuple[Arrangement, ...]
) -> dict[Arrangement, PaidWeek]:
    """Trade and settle one week under each arrangement, all of them with the same demands."""
    demands = demands_of(scenario, seed)
    delivered = demands.truth_Wh.sum(axis=0) * 1e-6
    found: dict[Arrangement, PaidWeek] = {}
    for arrangement in arrangements:
        week = trade_week(surrogate_of(scenario, arrangement), demands)
        found[arrangement] = PaidWeek(week.bill_EUR, week.paid_EUR, delivered)
    return found


def _market(scenario: SimulationScenario) -> tuple[RunSettings, MarketSettings]:
    loop = scenario.closed_loop
    if loop is None or loop.market is None:
        raise InputError(
            Finding("the scenario has no market", "add a section [market]", file=scenario.source)
        )
    return loop, loop.market
