"""Plain values of the maintainer: what it remembers, what it sees, what it moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rexdynnet.simulation.plant import DenseOutput

Floats = NDArray[np.float64]
# Surplus (discard) and deficit (ration) of one zone.
ZoneMode = tuple[bool, bool]


@dataclass(frozen=True)
class Relief:
    """Memory of what is withheld, a value per zone, and the books so far.

    Parameters
    ----------
    withheld_W : (n_zones,) array
        Heat to keep out of, or take out of, a zone with surplus.
    limit_W : (n_zones,) array
        Most that a zone with deficit may draw; infinite until pressure or temperature ask.
    worst : (n_zones, 2) array
        Scaled margins of surplus and deficit when last adapted.
    tick_s : float
        When to adapt next.
    tripped : mapping of plant name to float
        Until when a plant stays out.
    ladder : bool
        Whether the controller's ladder stands on its last rung.
    curtailed_J : (n_substations,) array
        Withheld by command so far.
    limited_J : (n_plants,) array
        Offered by plants and refused by command so far.
    """

    withheld_W: Floats
    limit_W: Floats
    worst: Floats
    tick_s: float
    tripped: Mapping[str, float]
    ladder: bool
    curtailed_J: Floats
    limited_J: Floats


@dataclass(frozen=True)
class Levers:
    """What the maintainer does to the inputs.

    Parameters
    ----------
    share : (n_substations,) array
        Of what each demands, it may draw so much.
    heat_W, temperature_K : (n_plants,) array
        Caps; infinite where nothing is capped.
    dump_W : (n_dumps,) array
        Least heat of each dump.
    out : tuple of str
        Plants, pumps and coolers tripped.
    """

    share: Floats
    heat_W: Floats
    temperature_K: Floats
    dump_W: Floats
    out: tuple[str, ...] = ()

    @cached_property
    def idle(self) -> bool:
        """Whether nothing is withheld."""
        return bool(
            np.all(self.share >= 1.0)
            and np.all(np.isinf(self.heat_W))
            and np.all(np.isinf(self.temperature_K))
            and not np.any(self.dump_W > 0.0)
            and not self.out
        )


@dataclass(frozen=True)
class Seen:
    """What the maintainer sees of the plant at the end of an output."""

    delivered_W: Floats
    plant_W: Floats
    plant_K: Floats
    return_K: Floats
    loss_W: float
    discharge_W: float


def seen_in(output: DenseOutput) -> Seen:
    """The last row of an output."""
    records = output.records
    tanks = records.get("tank_heat")
    return Seen(
        records["substation_heat"][-1],
        records["plant_heat"][-1],
        records["plant_supply_temperature"][-1],
        records["plant_return_temperature"][-1],
        float(records["pipe_heat_loss"][-1].sum()),
        0.0 if tanks is None else float(np.maximum(-tanks[-1], 0.0).sum()),
    )
