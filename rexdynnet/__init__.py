"""RexDynNet: dynamics of heating networks, from spreadsheets to validated trajectories.

The names below are all a first script needs; each loads its part of the package
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
    from rexdynnet import plot
    from rexdynnet.dae.model import Dae, build_dae
    from rexdynnet.errors import Finding, InputError, RexdynnetError, SolverError
    from rexdynnet.market.contracts import Flow, Order, Participant, Rules, Side
    from rexdynnet.market.reservex import Reservex
    from rexdynnet.market.setup import Market, MechanismKind
    from rexdynnet.network.aggregate import Aggregation, aggregate
    from rexdynnet.network.checks import check_network
    from rexdynnet.network.graph import Network
    from rexdynnet.network.read import read_network
    from rexdynnet.network.write import write_network
    from rexdynnet.signals import Hold, Signal
    from rexdynnet.simulation.dataset import series
    from rexdynnet.simulation.forcing import Forcing
    from rexdynnet.simulation.plant import Method
    from rexdynnet.simulation.series import make_forcing, read_forcing
    from rexdynnet.simulation.simulate import make_plant, simulate
    from rexdynnet.study.loop import Run, run
    from rexdynnet.study.scenario import SimulationScenario, read_scenario, run_simulation
    from rexdynnet.timeline import Schedule

__version__ = "0.1.0"

__all__ = [
    "Aggregation",
    "Dae",
    "Finding",
    "Flow",
    "Forcing",
    "Hold",
    "InputError",
    "Market",
    "MechanismKind",
    "Method",
    "Network",
    "Order",
    "Participant",
    "Reservex",
    "RexdynnetError",
    "Rules",
    "Run",
    "Schedule",
    "Side",
    "Signal",
    "SimulationScenario",
    "SolverError",
    "__version__",
    "aggregate",
    "build_dae",
    "check_network",
    "make_forcing",
    "make_plant",
    "plot",
    "read_forcing",
    "read_network",
    "read_scenario",
    "run",
    "run_simulation",
    "series",
    "simulate",
    "write_network",
]

_HOME = {
    "Aggregation": "rexdynnet.network.aggregate",
    "Dae": "rexdynnet.dae.model",
    "Finding": "rexdynnet.errors",
    "Flow": "rexdynnet.market.contracts",
    "Forcing": "rexdynnet.simulation.forcing",
    "Hold": "rexdynnet.signals",
    "InputError": "rexdynnet.errors",
    "Market": "rexdynnet.market.setup",
    "MechanismKind": "rexdynnet.market.setup",
    "Method": "rexdynnet.simulation.plant",
    "Network": "rexdynnet.network.graph",
    "Order": "rexdynnet.market.contracts",
    "Participant": "rexdynnet.market.contracts",
    "Reservex": "rexdynnet.market.reservex",
    "RexdynnetError": "rexdynnet.errors",
    "Rules": "rexdynnet.market.contracts",
    "Run": "rexdynnet.study.loop",
    "Schedule": "rexdynnet.timeline",
    "Side": "rexdynnet.market.contracts",
    "Signal": "rexdynnet.signals",
    "SimulationScenario": "rexdynnet.study.scenario",
    "SolverError": "rexdynnet.errors",
    "aggregate": "rexdynnet.network.aggregate",
    "build_dae": "rexdynnet.dae.model",
    "check_network": "rexdynnet.network.checks",
    "make_forcing": "rexdynnet.simulation.series",
    "make_plant": "rexdynnet.simulation.simulate",
    "read_forcing": "rexdynnet.simulation.series",
    "read_network": "rexdynnet.network.read",
    "read_scenario": "rexdynnet.study.scenario",
    "run": "rexdynnet.study.loop",
    "run_simulation": "rexdynnet.study.scenario",
    "series": "rexdynnet.simulation.dataset",
    "simulate": "rexdynnet.simulation.simulate",
    "write_network": "rexdynnet.network.write",
}
_MODULES = frozenset({"plot"})


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
