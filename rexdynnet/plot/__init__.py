"""Pictures of networks and results: `figure = f(result, ax=None)`.

Every function returns a `matplotlib.figure.Figure` and touches no global state of
matplotlib. Without `ax` it makes a figure of its own, 8 inches wide; with `ax` it
draws there and returns the figure that `ax` belongs to. Pictures of a route take
the route's end before `ax`.
"""

from __future__ import annotations

from rexdynnet.plot.balance import energy_balance, load_duration_curve
from rexdynnet.plot.building import (
    building,
    coupling_profiles,
    cumulated_periodograms,
    zone_predictions,
)
from rexdynnet.plot.comparison import measured_against_predicted
from rexdynnet.plot.control import commitments, control_inputs, heat_prices, solver_effort
from rexdynnet.plot.ensemble import fan
from rexdynnet.plot.flats import flat_bills
from rexdynnet.plot.instant import instant
from rexdynnet.plot.ledger import bills, ledger_by_cause
from rexdynnet.plot.maps import MapQuantity, network_map
from rexdynnet.plot.market import (
    forward_curves,
    inventory,
    order_book,
    price_map,
    reservations,
)
from rexdynnet.plot.modes import automaton, curtailment, modes, robustness
from rexdynnet.plot.page import overview
from rexdynnet.plot.pipes import pressures_along_route, space_time
from rexdynnet.plot.replay import load_durations, model_follows, shadow_commands
from rexdynnet.plot.routes import Route, find_route
from rexdynnet.plot.series import flows, heats, tank
from rexdynnet.plot.temperature import temperatures
from rexdynnet.plot.tuning import (
    tuning_front,
    tuning_history,
    tuning_importances,
    tuning_response,
)
from rexdynnet.plot.watch import fault_monitor

__all__ = [
    "MapQuantity",
    "Route",
    "automaton",
    "bills",
    "building",
    "commitments",
    "control_inputs",
    "coupling_profiles",
    "cumulated_periodograms",
    "curtailment",
    "energy_balance",
    "fan",
    "fault_monitor",
    "find_route",
    "flat_bills",
    "flows",
    "forward_curves",
    "heat_prices",
    "heats",
    "instant",
    "inventory",
    "ledger_by_cause",
    "load_duration_curve",
    "load_durations",
    "measured_against_predicted",
    "model_follows",
    "modes",
    "network_map",
    "order_book",
    "overview",
    "pressures_along_route",
    "price_map",
    "reservations",
    "robustness",
    "shadow_commands",
    "solver_effort",
    "space_time",
    "tank",
    "temperatures",
    "tuning_front",
    "tuning_history",
    "tuning_importances",
    "tuning_response",
    "zone_predictions",
]
