"""What a controller is told of the time to come: forecasts, prices and commitments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.base import Preview
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import OUTDOOR
from rexdynnet.network.spec import PlantKind
from rexdynnet.signals import Hold
from rexdynnet.simulation.forcing import Forcing
from rexdynnet.study.error_process import ErrorPath
from rexdynnet.study.fitted_load import DISTRICT, FittedLoads, without_weather
from rexdynnet.study.forecast_error import ForecastErrors
from rexdynnet.study.presence import Presence, hours_of, shares_of
from rexdynnet.study.run_settings import ForecastKind, ForecastSettings, PriceSettings
from rexdynnet.study.sunshine import SUN, clearest
from rexdynnet.timeline import Schedule, TimeUnit, seconds_since, units_from

Floats = NDArray[np.float64]

_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S
_WH_J = 3600.0


@dataclass(frozen=True)
class Forecaster:
    """Means of what will act, as known at an instant.

    Parameters
    ----------
    network : Network
    truth : Forcing
        Every disturbance of the network in its order, without unforeseen faults; it
        reaches as far as anyone looks ahead.
    settings : ForecastSettings
    seed : int
    fitted : FittedLoads or None
        Loads that follow a regression: their forecast is its value on the issued weather.
    presence : Presence or None
        Absences that act in the truth.
    private : bool
        Whether each substation's own deviations and absences are known, as its prosumer knows
        them; an operator knows neither, and expects absences as often as they are.
    clear_W_per_m2 : ndarray, shape (hours,), or None
        Clear-sky radiation of the run's hours; None takes it from the brightest of the truth.
    """

    network: Network
    truth: Forcing
    settings: ForecastSettings
    seed: int
    fitted: FittedLoads | None = None
    presence: Presence | None = None
    private: bool = True
    clear_W_per_m2: Floats | None = None

    @cached_property
    def of_operator(self) -> Forecaster:
        """Forecasts without what only prosumers know."""
        presence = self.presence
        if presence is None:
            return replace(self, private=False)
        signals = self.truth.signals
        heats = [i for i, signal in enumerate(signals) if signal.quantity == "heat_demand"]
        names = [signals[i].component for i in heats]
        values = self.truth.values.copy()
        values[:, heats] /= shares_of(presence, self.seed, names, self.truth.time_s)
        values[:, heats] *= presence.expected_share
        return replace(self, truth=replace(self.truth, values=values), presence=None, private=False)

    def means(self, edges_s: Floats) -> Floats:
        """True means over intervals, shape (n, n_d)."""
        ends = np.clip(edges_s, self.truth.time_s[0], self.truth.time_s[-1])
        integral = self._integral(ends)
        spans = np.diff(ends)[:, None]
        held = self.truth.at(ends[:-1])
        return np.where(spans > 0, np.diff(integral, axis=0) / np.where(spans > 0, spans, 1), held)

    def forecast(self, issued_s: float, edges_s: Floats) -> Floats:
        """Forecast means over intervals, by the forecast issued at the last full hour.

        Parameters
        ----------
        issued_s : float
        edges_s : ndarray, shape (n + 1,)
            From `issued_s` on.

        Returns
        -------
        ndarray, shape (n, n_d)
        """
        values = self.means(edges_s)
        errors = self._errors
        if errors is None:
            return values
        issue, hours = _hours(issued_s, edges_s)
        common = self.common_error(issued_s, edges_s)
        for column, signal in enumerate(self.truth.signals):
            if signal.quantity in ("heat_demand", "mass_flow_demand"):
                own = ErrorPath(errors.load_own, self.seed, signal.component).error(issue, hours)
                missed = (common + own) * self.usual[column]
                values[:, column] = np.maximum(values[:, column] - missed, 0.0)
            elif signal.quantity == "available_heat":
                own = ErrorPath(errors.load_own, self.seed, signal.component).error(issue, hours)
                values[:, column] = np.maximum(values[:, column] - own * self.usual[column], 0.0)
            elif signal.component == OUTDOOR and signal.quantity == "temperature":
                missed = ErrorPath(errors.outdoor, self.seed, OUTDOOR).error(issue, hours)
                values[:, column] -= missed
            elif signal.name == SUN and errors.sunshine is not None:
                missed = ErrorPath(errors.sunshine.process, self.seed, SUN).error(issue, hours)
                told = errors.sunshine.forecast(values[:, column], self._clear(hours), missed)
                values[:, column] = np.where(hours < issue, values[:, column], told)
        return values

    def _clear(self, hours: NDArray[np.int64]) -> Floats:
        """Clear-sky radiation (W/m²) of whole hours of the run."""
        told = self._brightest
        return told[np.clip(hours, 0, len(told) - 1)]

    @cached_property
    def _brightest(self) -> Floats:
        column = [signal.name for signal in self.truth.signals].index(SUN)
        count = max(int(np.ceil(self.truth.time_s[-1] / _HOUR_S)), 1)
        came = self.means(_HOUR_S * np.arange(count + 1, dtype=np.float64))[:, column]
        told = clearest(came)
        given = self.clear_W_per_m2
        if given is not None:
            shared = min(count, len(given))
            told[:shared] = np.maximum(given[:shared], came[:shared])
        return told

    def common_error(self, issued_s: float, edges_s: Floats) -> Floats:
        """Error that all loads share, as a share of their usual means, shape (n,)."""
        errors = self._errors
        if errors is None:
            return np.zeros(len(edges_s) - 1)
        issue, hours = _hours(issued_s, edges_s)
        start = self.truth.start_utc
        common = errors.common_path(self.seed, DISTRICT, start).error(issue, hours)
        if self.fitted is not None:
            until = np.arange(issue, max(int(hours.max()), issue) + 1)
            outdoor = ErrorPath(errors.outdoor, self.seed, OUTDOOR).error(issue, until)
            common = common + self.fitted.weather_miss(outdoor)[np.maximum(hours - issue, 0)]
        return common

    def spread(self, issued_s: float, edges_s: Floats) -> Floats:
        """Standard deviation of each heat demand's forecast, W; 0 for all else.

        Parameters
        ----------
        issued_s : float
        edges_s : ndarray, shape (n + 1,)

        Returns
        -------
        ndarray, shape (n, n_d)
            Of hourly means; within an interval errors are taken to go together.
        """
        found = np.zeros((len(edges_s) - 1, len(self.truth.signals)))
        errors = self._errors
        if errors is None:
            return found
        lead_h = np.maximum((0.5 * (edges_s[1:] + edges_s[:-1]) - issued_s) / _HOUR_S, 1.0)
        both = [p.standard_deviation(lead_h) for p in (errors.load_common, errors.load_own)]
        share = np.hypot(*both)
        for column, signal in enumerate(self.truth.signals):
            if signal.quantity == "heat_demand":
                found[:, column] = share * self.usual[column]
        return found

    def own_error(self, name: str, issued_s: float, edges_s: Floats) -> tuple[Floats, Floats]:
        """Error of one participant's own forecast and its standard deviation, as shares.

        Parameters
        ----------
        name : str
            Of the participant.
        issued_s : float
        edges_s : ndarray, shape (n + 1,)

        Returns
        -------
        error, spread : ndarray, shape (n,)
        """
        errors, count = self._errors, len(edges_s) - 1
        if errors is None:
            return np.zeros(count), np.zeros(count)
        issue, hours = _hours(issued_s, edges_s)
        middle = 0.5 * (edges_s[1:] + edges_s[:-1])
        error = ErrorPath(errors.load_own, self.seed, name).error(issue, hours)
        lead_h = np.maximum((middle - issued_s) / _HOUR_S, 1.0)
        return error, errors.load_own.standard_deviation(lead_h)

    def sunshine_spread(self, edges_s: Floats) -> Floats:
        """Standard deviation of forecast radiation (W/m²) over intervals, shape (n,)."""
        errors = self._errors
        if errors is None or errors.sunshine is None:
            return np.zeros(len(edges_s) - 1)
        middle = 0.5 * (edges_s[1:] + edges_s[:-1])
        return errors.sunshine.scale * errors.sunshine.spread * self._clear(hours_of(middle))

    @cached_property
    def _errors(self) -> ForecastErrors | None:
        if self.settings.kind is ForecastKind.PERFECT or self.settings.errors is None:
            return None
        errors = self.settings.errors
        if self.fitted is not None:
            errors = without_weather(errors, self.fitted.model)
        if not self.private:
            errors = replace(errors, load_own=replace(errors.load_own, known=0.0))
        return errors.scaled(self.settings.scale)

    @cached_property
    def usual(self) -> Floats:
        """Of what errors are shares: the fitted mean loads, or means over the whole span."""
        usual = self.means(np.array([self.truth.time_s[0], self.truth.time_s[-1]]))[0]
        for column, signal in enumerate(self.truth.signals):
            if self.fitted is not None and signal.quantity == "heat_demand":
                usual[column] = self.fitted.mean_W.get(signal.component, usual[column])
        return usual

    @cached_property
    def _running(self) -> Floats:
        values, spans = self.truth.values, np.diff(self.truth.time_s)[:, None]
        linear = self._linear
        mean = np.where(linear, 0.5 * (values[1:] + values[:-1]), values[:-1])
        return np.vstack([np.zeros(values.shape[1]), np.cumsum(mean * spans, axis=0)])

    @cached_property
    def _linear(self) -> NDArray[np.bool_]:
        return np.array([signal.hold is Hold.LINEAR for signal in self.truth.signals])

    def _integral(self, times: Floats) -> Floats:
        rows = np.clip(
            np.searchsorted(self.truth.time_s, times, side="right") - 1, 0, len(self._running) - 1
        )
        first = self.truth.values[rows]
        here = np.where(self._linear, 0.5 * (first + self.truth.at(times)), first)
        return self._running[rows] + here * (times - self.truth.time_s[rows])[:, None]


def _hours(issued_s: float, edges_s: Floats) -> tuple[int, NDArray[np.int64]]:
    """Hour of the newest issue, and the hours in which intervals have their middles."""
    middle = 0.5 * (edges_s[1:] + edges_s[:-1])
    return int(np.floor(issued_s / _HOUR_S + 1e-9)), hours_of(middle)


@dataclass(frozen=True)
class PreviewMaker:
    """Makes the preview of every step.

    Parameters
    ----------
    forecaster : Forecaster
    prices : PriceSettings
    start_utc : datetime
    step_s, horizon_s : float
    schedule : Schedule or None
        All of the run; a preview shows only units whose gate has closed.
    gate_s : float
    committed : bool
        Whether what is committed stands in for the forecast of its units, as in a market, where
        the operator is told what will be drawn.
    promised : Schedule or None
        Heat that plants of others have promised to feed in: in these units they can give so much
        and no more, and their fuel is not the operator's.
    """

    forecaster: Forecaster
    prices: PriceSettings
    start_utc: datetime
    step_s: float
    horizon_s: float
    schedule: Schedule | None = None
    gate_s: float = 0.0
    committed: bool = False
    promised: Schedule | None = None

    def at(self, time_s: float, known: dict[str, float]) -> Preview:
        """What is told at one instant.

        Parameters
        ----------
        time_s : float
        known : dict of disturbance name to float
            Faults that act now; they are expected to last.

        Returns
        -------
        Preview
        """
        count = max(1, round(self.horizon_s / self.step_s))
        edges = time_s + self.step_s * np.arange(count + 1, dtype=np.float64)
        values = self.forecaster.forecast(time_s, edges)
        schedule = self._known_schedule(time_s)
        if self.committed and schedule is not None:
            names = [signal.name for signal in self.forecaster.truth.signals]
            columns = [names.index(f"{each}.heat_demand") for each in schedule.participants]
            told = schedule.mean_power_W(self.start_utc, edges, values[:, columns])
            values[:, columns] = np.maximum(told, 0.0)
        for column, signal in enumerate(self.forecaster.truth.signals):
            if signal.name in known:
                values[:, column] = known[signal.name]
        electricity = self.electricity(edges)
        fuels = fuel_prices(self.forecaster.network, self.prices, electricity)
        if self.promised is not None:
            self._keep_promises(self.promised, edges, values, fuels)
        return Preview(edges, values, electricity, fuels, schedule)

    def _keep_promises(
        self, promised: Schedule, edges_s: Floats, values: Floats, fuels: dict[str, Floats]
    ) -> None:
        names = [signal.name for signal in self.forecaster.truth.signals]
        own = promised.edges_s(self.start_utc)
        covered = np.diff(np.clip(edges_s, own[0], own[-1])) / np.diff(edges_s)
        plants = {plant.name: plant for plant in self.forecaster.network.plants}
        none = np.zeros((len(edges_s) - 1, len(promised.participants)))
        told = promised.mean_power_W(self.start_utc, edges_s, none)
        for place, name in enumerate(promised.participants):
            plant = plants[name]
            fuels[name] = fuels[name] * (1.0 - covered)
            if plant.kind is PlantKind.WASTE_HEAT:
                column = names.index(f"{name}.available_heat")
                values[:, column] = told[:, place] + (1.0 - covered) * values[:, column]
            elif plant.kind is PlantKind.HEAT_PUMP:
                column = names.index(f"{name}.availability")
                share = told[:, place] / plant.capacity_W + (1.0 - covered)
                values[:, column] = np.minimum(values[:, column], share)

    def electricity(self, edges_s: Floats) -> Floats:
        """Mean price of electricity over intervals, EUR/MWh, shape (n,)."""
        return electricity_means(self.prices, self.start_utc, edges_s)

    def _known_schedule(self, time_s: float) -> Schedule | None:
        if self.schedule is None:
            return None
        edges = self.schedule.edges_s(self.start_utc)
        last = int(np.searchsorted(edges[:-1], time_s + self.gate_s + 1e-6, side="right"))
        first = int(np.searchsorted(edges[1:], time_s + 1e-6, side="right"))
        if last <= first:
            return None
        units = self.schedule.units[first:last]
        return Schedule(self.schedule.participants, units, self.schedule.energy_J[first:last])


def fuel_prices(
    network: Network, prices: PriceSettings, electricity_EUR_per_MWh: Floats
) -> dict[str, Floats]:
    """Price of what each plant burns or draws, by plant, each of shape (n,)."""
    found: dict[str, Floats] = {}
    for plant in network.plants:
        own = np.full(len(electricity_EUR_per_MWh), plant.fuel_price_EUR_per_MWh)
        drawn = prices.for_heat_pumps and plant.kind is PlantKind.HEAT_PUMP
        found[plant.name] = electricity_EUR_per_MWh if drawn else own
    return found


def electricity_means(prices: PriceSettings, start_utc: datetime, edges_s: Floats) -> Floats:
    """Mean of the daily price pattern over intervals, shape (n,)."""
    midnight = start_utc.replace(hour=0, minute=0, second=0, microsecond=0)
    clock = seconds_since(midnight, start_utc) + edges_s
    hours = np.array([*prices.hours, 24.0]) * _HOUR_S
    values = np.array(prices.electricity_EUR_per_MWh)
    running = np.concatenate([[0.0], np.cumsum(values * np.diff(hours))])
    days, rest = np.divmod(clock, _DAY_S)
    integral = days * running[-1] + np.interp(rest, hours, running)
    return np.diff(integral) / np.diff(edges_s)


def schedule_from_forecast(
    forecaster: Forecaster, start_utc: datetime, until_s: float, unit_s: float, gate_s: float
) -> Schedule:
    """Commit every participant to what the forecast issued at each unit's gate says.

    Parameters
    ----------
    forecaster : Forecaster
    start_utc : datetime
    until_s : float
        Units cover the run up to here.
    unit_s, gate_s : float

    Returns
    -------
    Schedule
        In whole Wh.
    """
    count = int(np.ceil(until_s / unit_s - 1e-9))
    columns = [
        (column, signal.component)
        for column, signal in enumerate(forecaster.truth.signals)
        if signal.quantity == "heat_demand"
    ]
    energy = np.zeros((count, len(columns)))
    for index in range(count):
        edges = unit_s * np.array([index, index + 1.0])
        fine = np.linspace(edges[0], edges[1], max(2, round(unit_s / _HOUR_S) + 1))
        issued = max(edges[0] - gate_s, 0.0)
        means = forecaster.forecast(issued, fine)
        mean = means.mean(axis=0)
        for place, (column, _) in enumerate(columns):
            energy[index, place] = np.round(mean[column] * unit_s / _WH_J) * _WH_J
    units: tuple[TimeUnit, ...] = tuple(units_from(start_utc, unit_s, count))
    return Schedule(tuple(name for _, name in columns), units, energy)
