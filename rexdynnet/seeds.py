"""Random streams that do not disturb one another.

Each draw belongs to a stream keyed by (seed, purpose, component, unit). A new
substation, a new sensor or a longer run never shifts the numbers of another.
"""

from __future__ import annotations

from enum import Enum
from hashlib import sha256

import numpy as np

from rexdynnet.errors import Finding, InputError


class Purpose(Enum):
    """What random numbers are used for; the value is part of the stream's key, never change it."""

    DEMAND_SHIFT = "demand shift"
    DEMAND_DAY = "demand day factor"
    HOT_WATER = "hot water draws"
    SENSOR_NOISE = "sensor noise"
    SENSOR_DROPOUT = "sensor dropout"
    NETWORK = "random network"
    FORECAST_ERROR = "forecast error"
    FORECAST_REVISION = "forecast revision"
    BUILDING = "synthetic building"
    PRESENCE = "presence"
    METER_GAP = "meter gap"
    ARRIVAL = "arrival at an auction"
    STUDY_SEED = "seeds of a study"
    STUDY_DESIGN = "design of a study"


def stream(seed: int, purpose: Purpose, component: str = "", unit: int = 0) -> np.random.Generator:
    """Open the random stream of one purpose, component and unit.

    Parameters
    ----------
    seed : int
        The scenario's seed, not negative.
    purpose : Purpose
    component : str
        Name of the component that the numbers belong to.
    unit : int
        Index of the time unit, day or block, not negative.

    Returns
    -------
    numpy.random.Generator
        PCG64 on a `SeedSequence` whose key is a SHA-256 of purpose and component,
        so that it is the same on every machine and in every process.

    Raises
    ------
    InputError
        The seed or the unit is negative.

    Examples
    --------
    >>> a = stream(7, Purpose.DEMAND_SHIFT, "substation_1").normal()
    >>> b = stream(7, Purpose.DEMAND_SHIFT, "substation_1").normal()
    >>> a == b
    True
    """
    if seed < 0 or unit < 0:
        raise InputError(
            Finding(f"seed {seed}, unit {unit}: one is negative", "use whole numbers from 0 up")
        )
    digest = sha256(f"{purpose.value}\x1f{component}".encode()).digest()
    words = [int.from_bytes(digest[at : at + 4], "little") for at in range(0, 16, 4)]
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(*words, unit))
    return np.random.Generator(np.random.PCG64(sequence))
