"""One module per kind of component; each registers its equations with `contribute`."""

from rexdynnet.dae.components import (
    bypass,
    dump,
    flats,
    pipe,
    plant,
    pump,
    substation,
    tank,
    valve,
)
from rexdynnet.dae.components.registry import contribute, terminals

__all__ = [
    "bypass",
    "contribute",
    "dump",
    "flats",
    "pipe",
    "plant",
    "pump",
    "substation",
    "tank",
    "terminals",
    "valve",
]
