"""The local loop of a solar field: it feeds in all that it collects, unless a plan holds it back.

A controller plans a field's heat by a forecast of sunshine, which may be too low; free heat would
be lost if the plan were a limit.
"""

from __future__ import annotations

import numpy as np

from rexdynnet.control.base import Floats, Preview
from rexdynnet.control.bounds import ControlBounds
from rexdynnet.control.merit import offers
from rexdynnet.network.spec import PlantControl, PlantKind

# plans compute the collector's mean temperature in slightly different ways
_WHOLE = 0.9


def opened(bounds: ControlBounds, commands: Floats, preview: Preview) -> Floats:
    """Let solar fields of which a command asks all that was forecast give what comes.

    Parameters
    ----------
    bounds : ControlBounds
    commands : ndarray, shape (n_u,)
        Of the coming step.
    preview : Preview
        That the commands were made from.

    Returns
    -------
    ndarray, shape (n_u,)
        With the upper bound where a field is not held back.

    Examples
    --------
    >>> import numpy as np
    >>> from rexdynnet import read_network
    >>> bounds = ControlBounds(read_network("models/networks/destest16"))
    >>> commands = bounds.defaults
    >>> night = Preview(np.array([0.0, 900.0]), np.zeros((1, 20)), np.zeros(1), {}, None)
    >>> opened(bounds, commands, night) is commands
    True
    """
    network = bounds.network
    fields = [
        place
        for place, plant in enumerate(network.plants)
        if plant.kind is PlantKind.SOLAR and plant.control is PlantControl.HEAT
    ]
    if not fields or not np.all(np.isfinite(preview.disturbances[0])):
        return commands
    names = [signal.name for signal in bounds.signals]
    _, upper = bounds.at(float(preview.time_s[0]))
    found = commands.copy()
    for place in fields:
        name = network.plants[place].name
        heat = names.index(f"{name}.heat")
        hot_K = float(commands[names.index(f"{name}.supply_temperature")])
        if commands[heat] >= _WHOLE * offers(network, preview, hot_K)[place].available_W:
            found[heat] = upper[heat]
    return found
