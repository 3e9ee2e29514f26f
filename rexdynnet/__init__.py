"""RexDynNet: dynamics of heating networks, from spreadsheets to validated trajectories.

The names below are all that scripts need; each loads its part of the package
when it is first used, so that `import rexdynnet` is quick.

Examples
--------
>>> import rexdynnet as rdn
>>> rdn.Method.PLUGFLOW.name
'PLUGFLOW'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexdynnet import identify, plot, report
    from rexdynnet.control.base import (
        AbstractController,
        Decision,
        Observation,
        Outcome,
        Preview,
        Rung,
    )
    from rexdynnet.control.baseline import make_baseline
    from rexdynnet.control.bounds import ControlBounds
    from rexdynnet.control.envelope import delivery_envelope
    from rexdynnet.control.faults import Alarm
    from rexdynnet.control.kinds import make_controller
    from rexdynnet.control.mhe import MovingHorizon
    from rexdynnet.control.monitor import Monitor
    from rexdynnet.control.monitoring import make_monitor
    from rexdynnet.control.mpc import make_mpc
    from rexdynnet.control.observer import KalmanFilter
    from rexdynnet.control.prices import price_surface
    from rexdynnet.control.schedule import format_schedule, read_schedule
    from rexdynnet.control.settings import ControllerKind, ControlSettings
    from rexdynnet.control.trajectory import TrajectoryOptions, make_generator
    from rexdynnet.dae.components.flats import Flats
    from rexdynnet.dae.model import Dae, build_dae
    from rexdynnet.errors import Finding, InputError, RexdynnetError, SolverError
    from rexdynnet.identify.meters import Meters, read_meters
    from rexdynnet.identify.spacemeter import SpaceMeterNet
    from rexdynnet.interchange.fmu import write_fmu
    from rexdynnet.interchange.pandapipes import from_pandapipes
    from rexdynnet.interchange.pandapipes_export import to_pandapipes
    from rexdynnet.interchange.results import to_frame, write_table
    from rexdynnet.market.building import Building, Flat
    from rexdynnet.market.contracts import Flow, Order, Participant, Rules, Side
    from rexdynnet.market.flexible import Flexible, HeatStore
    from rexdynnet.market.hedging import Hedging
    from rexdynnet.market.policies import ForecastFollowing
    from rexdynnet.market.prosumer import Prosumer
    from rexdynnet.market.reservex import Reservex
    from rexdynnet.market.setup import Market, MechanismKind
    from rexdynnet.network.aggregate import Aggregation, aggregate
    from rexdynnet.network.checks import check_network
    from rexdynnet.network.geojson import write_geojson
    from rexdynnet.network.graph import Network
    from rexdynnet.network.rc import RCNetwork
    from rexdynnet.network.rc_files import read_building, write_building
    from rexdynnet.network.read import read_network
    from rexdynnet.network.write import write_network
    from rexdynnet.signals import Hold, Signal
    from rexdynnet.simulation.dataset import series
    from rexdynnet.simulation.fmu import FmuPlant
    from rexdynnet.simulation.forcing import Forcing
    from rexdynnet.simulation.plant import Method
    from rexdynnet.simulation.series import make_forcing, read_forcing
    from rexdynnet.simulation.simulate import make_plant, simulate
    from rexdynnet.study.checkpoint import Keep
    from rexdynnet.study.ensemble import Ensemble, read_ensemble
    from rexdynnet.study.flat_shares import flat_shares
    from rexdynnet.study.heat_store import heat_store
    from rexdynnet.study.loop import Run, run
    from rexdynnet.study.montecarlo import monte_carlo
    from rexdynnet.study.record import Record, read_record, write_record
    from rexdynnet.study.replay import Replay, replay
    from rexdynnet.study.run_kpis import Kpis
    from rexdynnet.study.scenario import SimulationScenario, read_scenario, run_simulation
    from rexdynnet.study.spread import Levels, LogUniform, Uniform
    from rexdynnet.study.study_file import read_study
    from rexdynnet.study.tune import tune
    from rexdynnet.study.tune_file import read_tuning
    from rexdynnet.study.tuning import Tuning
    from rexdynnet.testing import check_controller
    from rexdynnet.timeline import DeliveryEnvelope, PriceSurface, Schedule, TimeUnit

__version__ = "0.1.0"

__all__ = [
    "AbstractController",
    "Aggregation",
    "Alarm",
    "Building",
    "ControlBounds",
    "ControlSettings",
    "ControllerKind",
    "Dae",
    "Decision",
    "DeliveryEnvelope",
    "Ensemble",
    "Finding",
    "Flat",
    "Flats",
    "Flexible",
    "Flow",
    "FmuPlant",
    "Forcing",
    "ForecastFollowing",
    "HeatStore",
    "Hedging",
    "Hold",
    "InputError",
    "KalmanFilter",
    "Keep",
    "Kpis",
    "Levels",
    "LogUniform",
    "Market",
    "MechanismKind",
    "Meters",
    "Method",
    "Monitor",
    "MovingHorizon",
    "Network",
    "Observation",
    "Order",
    "Outcome",
    "Participant",
    "Preview",
    "PriceSurface",
    "Prosumer",
    "RCNetwork",
    "Record",
    "Replay",
    "Reservex",
    "RexdynnetError",
    "Rules",
    "Run",
    "Rung",
    "Schedule",
    "Side",
    "Signal",
    "SimulationScenario",
    "SolverError",
    "SpaceMeterNet",
    "TimeUnit",
    "TrajectoryOptions",
    "Tuning",
    "Uniform",
    "__version__",
    "aggregate",
    "build_dae",
    "check_controller",
    "check_network",
    "delivery_envelope",
    "flat_shares",
    "format_schedule",
    "from_pandapipes",
    "heat_store",
    "identify",
    "make_baseline",
    "make_controller",
    "make_forcing",
    "make_generator",
    "make_monitor",
    "make_mpc",
    "make_plant",
    "monte_carlo",
    "plot",
    "price_surface",
    "read_building",
    "read_ensemble",
    "read_forcing",
    "read_meters",
    "read_network",
    "read_record",
    "read_scenario",
    "read_schedule",
    "read_study",
    "read_tuning",
    "replay",
    "report",
    "run",
    "run_simulation",
    "series",
    "simulate",
    "to_frame",
    "to_pandapipes",
    "tune",
    "write_building",
    "write_fmu",
    "write_geojson",
    "write_network",
    "write_record",
    "write_table",
]

_HOME = {
    "Building": "rexdynnet.market.building",
    "Flat": "rexdynnet.market.building",
    "flat_shares": "rexdynnet.study.flat_shares",
    "Flats": "rexdynnet.dae.components.flats",
    "Flexible": "rexdynnet.market.flexible",
    "HeatStore": "rexdynnet.market.flexible",
    "heat_store": "rexdynnet.study.heat_store",
    "Meters": "rexdynnet.identify.meters",
    "RCNetwork": "rexdynnet.network.rc",
    "SpaceMeterNet": "rexdynnet.identify.spacemeter",
    "read_building": "rexdynnet.network.rc_files",
    "read_meters": "rexdynnet.identify.meters",
    "write_building": "rexdynnet.network.rc_files",
    "AbstractController": "rexdynnet.control.base",
    "Aggregation": "rexdynnet.network.aggregate",
    "Alarm": "rexdynnet.control.faults",
    "ControlBounds": "rexdynnet.control.bounds",
    "ControlSettings": "rexdynnet.control.settings",
    "ControllerKind": "rexdynnet.control.settings",
    "Dae": "rexdynnet.dae.model",
    "Decision": "rexdynnet.control.base",
    "DeliveryEnvelope": "rexdynnet.timeline",
    "Finding": "rexdynnet.errors",
    "Flow": "rexdynnet.market.contracts",
    "ForecastFollowing": "rexdynnet.market.policies",
    "Hedging": "rexdynnet.market.hedging",
    "Prosumer": "rexdynnet.market.prosumer",
    "Forcing": "rexdynnet.simulation.forcing",
    "Hold": "rexdynnet.signals",
    "InputError": "rexdynnet.errors",
    "KalmanFilter": "rexdynnet.control.observer",
    "Ensemble": "rexdynnet.study.ensemble",
    "Kpis": "rexdynnet.study.run_kpis",
    "Levels": "rexdynnet.study.spread",
    "LogUniform": "rexdynnet.study.spread",
    "Uniform": "rexdynnet.study.spread",
    "monte_carlo": "rexdynnet.study.montecarlo",
    "read_ensemble": "rexdynnet.study.ensemble",
    "read_study": "rexdynnet.study.study_file",
    "Tuning": "rexdynnet.study.tuning",
    "read_tuning": "rexdynnet.study.tune_file",
    "tune": "rexdynnet.study.tune",
    "Market": "rexdynnet.market.setup",
    "Keep": "rexdynnet.study.checkpoint",
    "MechanismKind": "rexdynnet.market.setup",
    "Method": "rexdynnet.simulation.plant",
    "Monitor": "rexdynnet.control.monitor",
    "MovingHorizon": "rexdynnet.control.mhe",
    "Network": "rexdynnet.network.graph",
    "Observation": "rexdynnet.control.base",
    "Outcome": "rexdynnet.control.base",
    "Preview": "rexdynnet.control.base",
    "PriceSurface": "rexdynnet.timeline",
    "Order": "rexdynnet.market.contracts",
    "Participant": "rexdynnet.market.contracts",
    "Reservex": "rexdynnet.market.reservex",
    "RexdynnetError": "rexdynnet.errors",
    "Rules": "rexdynnet.market.contracts",
    "Run": "rexdynnet.study.loop",
    "Rung": "rexdynnet.control.base",
    "Schedule": "rexdynnet.timeline",
    "Side": "rexdynnet.market.contracts",
    "Signal": "rexdynnet.signals",
    "SimulationScenario": "rexdynnet.study.scenario",
    "SolverError": "rexdynnet.errors",
    "TimeUnit": "rexdynnet.timeline",
    "TrajectoryOptions": "rexdynnet.control.trajectory",
    "aggregate": "rexdynnet.network.aggregate",
    "build_dae": "rexdynnet.dae.model",
    "check_controller": "rexdynnet.testing",
    "check_network": "rexdynnet.network.checks",
    "delivery_envelope": "rexdynnet.control.envelope",
    "to_frame": "rexdynnet.interchange.results",
    "write_fmu": "rexdynnet.interchange.fmu",
    "FmuPlant": "rexdynnet.simulation.fmu",
    "write_table": "rexdynnet.interchange.results",
    "Record": "rexdynnet.study.record",
    "read_record": "rexdynnet.study.record",
    "write_record": "rexdynnet.study.record",
    "Replay": "rexdynnet.study.replay",
    "replay": "rexdynnet.study.replay",
    "from_pandapipes": "rexdynnet.interchange.pandapipes",
    "to_pandapipes": "rexdynnet.interchange.pandapipes_export",
    "write_geojson": "rexdynnet.network.geojson",
    "format_schedule": "rexdynnet.control.schedule",
    "make_baseline": "rexdynnet.control.baseline",
    "make_controller": "rexdynnet.control.kinds",
    "make_forcing": "rexdynnet.simulation.series",
    "make_generator": "rexdynnet.control.trajectory",
    "make_monitor": "rexdynnet.control.monitoring",
    "make_mpc": "rexdynnet.control.mpc",
    "make_plant": "rexdynnet.simulation.simulate",
    "price_surface": "rexdynnet.control.prices",
    "read_forcing": "rexdynnet.simulation.series",
    "read_network": "rexdynnet.network.read",
    "read_scenario": "rexdynnet.study.scenario",
    "read_schedule": "rexdynnet.control.schedule",
    "run": "rexdynnet.study.loop",
    "run_simulation": "rexdynnet.study.scenario",
    "series": "rexdynnet.simulation.dataset",
    "simulate": "rexdynnet.simulation.simulate",
    "write_network": "rexdynnet.network.write",
}
_MODULES = frozenset({"identify", "plot", "report"})


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"rexdynnet.{name}")
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'rexdynnet' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_HOME})
