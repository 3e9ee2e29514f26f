"""A scenario: a network, a span of time, weather, demand and operation, in one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import nearest
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import controls, disturbances, parameters
from rexdynnet.network.spec import SubstationControl
from rexdynnet.simulation.demand import Diversity, HeatLoad, demand_forcing
from rexdynnet.simulation.forcing import Forcing, complete, merge, shift
from rexdynnet.simulation.plant import Method, Plant
from rexdynnet.simulation.series import out_of_bounds, read_series
from rexdynnet.simulation.weather import GroundModel, read_reference_year, weather_forcing
from rexdynnet.study.fitted_load import FittedLoads, fitted_forcing, mean_loads
from rexdynnet.study.forecast_error import FittedForecast
from rexdynnet.study.operation import Operation, baseline_forcing
from rexdynnet.study.presence import Presence, with_absences
from rexdynnet.study.provenance import stamp
from rexdynnet.study.run_settings import Fault, FaultKind, RunSettings

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray


@dataclass(frozen=True)
class LoadRule:
    """How the annual heat of a substation follows; None falls back to the scenario's rule.

    Parameters
    ----------
    load : HeatLoad
        Its annual heat counts only where `full_load_hours` is None.
    full_load_hours : float or None
        Annual heat = design heat times these hours.
    """

    load: HeatLoad
    full_load_hours: float | None = 1800.0


@dataclass(frozen=True)
class Demand:
    """Where heat demands come from: standard profiles with diversity, or a fitted regression.

    Parameters
    ----------
    default : LoadRule
    substations : mapping of substation name to LoadRule
        Exceptions.
    diversity : Diversity
    fitted : FittedForecast or None
        Loads follow this regression on the weather instead of standard profiles.
    presence : Presence or None
        Absences; None: everybody is always at home.
    """

    default: LoadRule
    substations: Mapping[str, LoadRule] = field(default_factory=dict)
    diversity: Diversity = field(default_factory=Diversity)
    fitted: FittedForecast | None = None
    presence: Presence | None = None


@dataclass(frozen=True)
class SimulationScenario:
    """Everything that one simulation needs; build it with `read_scenario`.

    Parameters
    ----------
    name : str
    network : Network
    start_utc : datetime
    duration_s, output_step_s : float
    method : Method
    fmu : Path or None
        FMU that stands for the plant, instead of a method.
    weather : int, Path or None
        Test reference year of the weather; None: from `series` or the defaults.
    ground : GroundModel
    demand : Demand or None
        None: from `series`.
    operation : Operation
    series : tuple of Path
        CSV files whose columns win over everything computed.
    parameters : mapping of `component.quantity` to float
        Run-time faults that last over the whole run.
    faults : tuple of Fault
        What goes wrong during the run; a simulation takes its signals, a closed-loop run
        also its sensors.
    seed : int
    description : str
    source : Path or None
        The file it was read from.
    closed_loop : RunSettings or None
        What `rexdynnet.run` needs; None where the file has no `[control]` section.
    hash : str
        SHA-256 over the scenario, its network and its series.
    text : str
        What the file said when it was read; with overrides, what it would say.
    """

    name: str
    network: Network
    start_utc: datetime
    duration_s: float
    output_step_s: float = 600.0
    method: Method = Method.PLUGFLOW
    fmu: Path | None = None
    weather: int | Path | None = None
    ground: GroundModel = field(default_factory=GroundModel)
    demand: Demand | None = None
    operation: Operation = field(default_factory=Operation)
    series: tuple[Path, ...] = ()
    parameters: Mapping[str, float] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    seed: int = 1
    description: str = ""
    source: Path | None = None
    closed_loop: RunSettings | None = None
    hash: str = ""
    text: str = ""

    @property
    def presence(self) -> Presence | None:
        """Absences, flat by flat behind substations whose flats trade."""
        if self.demand is None or self.demand.presence is None:
            return None
        market = None if self.closed_loop is None else self.closed_loop.market
        if market is None:
            return self.demand.presence
        flats = {each.participant: each.shares for each in market.buildings}
        return replace(self.demand.presence, flats=flats)


def read_scenario(
    path: str | PathLike[str], overrides: Mapping[str, object] | None = None
) -> SimulationScenario:
    """Read a scenario and the network that it names.

    Parameters
    ----------
    path : str or path
        A TOML file; `docs/reference` lists its keys. Paths in it are relative to it.
    overrides : mapping of str to object, optional
        Values taken instead of those in the file, by dotted path (`control.margin`).

    Returns
    -------
    SimulationScenario

    Raises
    ------
    InputError
        With every finding of the scenario and its network, each naming file, row,
        field and remedy.

    Examples
    --------
    >>> read_scenario("models/scenarios/destest16_winter_week.toml").duration_s / 86400
    7.0
    """
    from rexdynnet.study.read_scenario import scenario_from_file

    return scenario_from_file(Path(path), overrides)


def plant_of(scenario: SimulationScenario) -> Plant:
    """What simulates the scenario's network: one of the methods, or an FMU.

    Parameters
    ----------
    scenario : SimulationScenario

    Returns
    -------
    Plant
    """
    from rexdynnet.simulation.fmu import FmuPlant
    from rexdynnet.simulation.simulate import make_plant

    if scenario.fmu is None:
        return make_plant(scenario.network, scenario.method)

    return FmuPlant(scenario.network, scenario.fmu)


def forcing_of(scenario: SimulationScenario) -> Forcing:
    """Compute everything that acts on the scenario's network.

    Parameters
    ----------
    scenario : SimulationScenario

    Returns
    -------
    Forcing
        All controls and disturbances from second 0 to the end of the run: weather,
        demands, baseline operation, then the columns of the scenario's series.

    Raises
    ------
    InputError
        A series is broken or too short, a required input has no source, or a value
        lies outside its bounds.
    """
    network, start, duration = scenario.network, scenario.start_utc, scenario.duration_s
    known = (*controls(network), *disturbances(network))
    given = [shift(read_series(path, known), start) for path in scenario.series]
    for path, forcing in zip(scenario.series, given, strict=True):
        _require(forcing, duration, path)
    _check_absences(scenario, given)
    acting = [*_computed(scenario), *given]
    acting.append(_ground_truth(network, start, duration))
    # Later ones win: what is computed, then what files give.
    together = merge([acting[-1], *acting[:-1]])
    operated = baseline_forcing(network, scenario.operation, together, start, duration)
    everything = merge([together, operated, *given])
    outside = out_of_bounds(everything)
    if outside:
        raise InputError(*outside)
    return complete(everything, known).window(0.0, duration)


def run_simulation(
    scenario: SimulationScenario,
    *,
    progress: Callable[[float, float], None] | None = None,
    checkpoint: Path | None = None,
) -> xr.Dataset:
    """Simulate a scenario.

    Parameters
    ----------
    scenario : SimulationScenario
    progress : callable, optional
        Called with (seconds done, seconds in all) now and then.
    checkpoint : Path, optional
        File from which an interrupted run of the same scenario goes on.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    InputError
        The scenario cannot be run.
    SolverError
        A solver failed; says where and what to try.
    """
    from rexdynnet.simulation.simulate import Override, simulate

    forcing = forcing_of(scenario)
    result = simulate(
        scenario.network if scenario.fmu is None else plant_of(scenario),
        forcing,
        scenario.duration_s,
        method=scenario.method,
        output_step_s=scenario.output_step_s,
        parameters=parameter_values(scenario.network, scenario.parameters),
        overrides=[
            Override(fault.name, fault.start_s, fault.end_s, fault.value)
            for fault in scenario.faults
            if fault.kind is FaultKind.SIGNAL
        ],
        checkpoint=checkpoint,
        progress=progress,
    )
    return stamp(result, scenario)


def parameter_values(network: Network, given: Mapping[str, float]) -> NDArray[np.float64] | None:
    """Run-time parameters in the plant's order; None where all have their defaults.

    Raises
    ------
    InputError
        An unknown name or a value out of its bounds.
    """
    import numpy as np

    if not given:
        return None
    signals = parameters(network)
    known = {signal.name: index for index, signal in enumerate(signals)}
    values = np.array([signal.default for signal in signals], dtype=float)
    findings: list[Finding] = []
    for name, value in given.items():
        index = known.get(name)
        if index is None:
            findings.append(
                Finding(f"{name!r} is no parameter", nearest(name, known), field="parameters")
            )
        elif not signals[index].lower <= value <= signals[index].upper:
            findings.append(
                Finding(
                    f"{name} is {value:g}",
                    f"give a value from {signals[index].lower:g} to {signals[index].upper:g}",
                    field="parameters",
                )
            )
        else:
            values[index] = value
    if findings:
        raise InputError(*findings)
    return values


def loads_of(network: Network, demand: Demand) -> dict[str, HeatLoad]:
    """Heat load of every substation whose demand is an input."""
    known = [substation.name for substation in network.substations]
    stray = [name for name in demand.substations if name not in known]
    if stray:
        raise InputError(
            *(
                Finding(
                    f"the demand names a substation {name!r} that the network does not have",
                    nearest(name, known),
                    field="demand.substations",
                )
                for name in stray
            )
        )
    loads: dict[str, HeatLoad] = {}
    for substation in network.substations:
        if substation.control is not SubstationControl.HEAT or substation.building is not None:
            continue
        rule = demand.substations.get(substation.name, demand.default)
        hours = rule.full_load_hours
        annual = rule.load.annual_heat_J
        heat = annual if hours is None else substation.design_heat_W * hours * 3600.0
        loads[substation.name] = replace(rule.load, annual_heat_J=heat)
    return loads


def fitted_loads(scenario: SimulationScenario) -> FittedLoads | None:
    """What a forecaster must know of a scenario's fitted loads; None where they have profiles."""
    demand = scenario.demand
    if demand is None or demand.fitted is None or scenario.weather is None:
        return None
    loads = loads_of(scenario.network, demand)
    heat = {name: load.annual_heat_J for name, load in loads.items()}
    return mean_loads(demand.fitted, heat, scenario.weather)


def _computed(scenario: SimulationScenario) -> list[Forcing]:
    parts: list[Forcing] = []
    start, duration = scenario.start_utc, scenario.duration_s
    if scenario.weather is not None:
        year = read_reference_year(scenario.weather)
        parts.append(weather_forcing(year, start, duration, ground=scenario.ground))
    if scenario.demand is not None:
        if scenario.weather is None:
            raise InputError(
                Finding(
                    "computed heat demands need a reference year",
                    "add a [weather] section, or give the demands in a series",
                    file=scenario.source,
                    field="weather",
                )
            )
        loads = loads_of(scenario.network, scenario.demand)
        fitted = scenario.demand.fitted
        heats: Forcing | None = None
        if loads and fitted is not None:
            heat = {name: load.annual_heat_J for name, load in loads.items()}
            heats = fitted_forcing(fitted, heat, scenario.weather, start, duration, scenario.seed)
        elif loads:
            heats = demand_forcing(
                loads,
                scenario.weather,
                start,
                duration,
                seed=scenario.seed,
                diversity=scenario.demand.diversity,
            )
        if heats is not None:
            presence = scenario.presence
            if presence is not None:
                heats = with_absences(heats, presence, scenario.seed)
            parts.append(heats)
    return parts


def _check_absences(scenario: SimulationScenario, given: list[Forcing]) -> None:
    if scenario.presence is None:
        return
    for path, forcing in zip(scenario.series, given, strict=True):
        for signal in forcing.signals:
            if signal.quantity == "heat_demand":
                raise InputError(
                    Finding(
                        f"{signal.name} is given, and [demand.presence] would change it",
                        "leave the section out, or the column",
                        file=path,
                        field=signal.name,
                    )
                )


def _ground_truth(network: Network, start: datetime, duration_s: float) -> Forcing:
    import numpy as np

    ground = next(s for s in disturbances(network) if s.name == "ground.temperature")
    value = network.ground.temperature_K
    return Forcing(np.array([0.0, duration_s]), np.full((2, 1), value), (ground,), start)


def _require(forcing: Forcing, duration_s: float, path: Path) -> None:
    try:
        forcing.require(duration_s)
    except InputError as error:
        raise InputError(*(replace(finding, file=path) for finding in error.findings)) from None
