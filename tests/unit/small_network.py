"""A network of two places, with one of each kind of input."""

from __future__ import annotations

from datetime import UTC, datetime

from rexdynnet.network.graph import Network
from rexdynnet.network.spec import (
    DatedLimit,
    Dump,
    Exchanger,
    Limited,
    Line,
    Node,
    Outage,
    Pipe,
    Plant,
    PlantControl,
    PlantKind,
    PressureHolding,
    Substation,
    Tank,
)

MIDWINTER = datetime(2026, 1, 15, tzinfo=UTC)


def small_network() -> Network:
    """Boiler and heat pump at `a`, two substations and a dump at `b`, a tank at `a`."""
    nodes = [
        Node(f"{place}_{line.value}", line, x_m=100.0 * (place == "b"), place=place)
        for place in "ab"
        for line in Line
    ]
    pipes = [
        Pipe("a-b_supply", Line.SUPPLY, "a_supply", "b_supply", 100.0, 0.05, 0.2),
        Pipe("a-b_return", Line.RETURN, "b_return", "a_return", 100.0, 0.05, 0.2),
    ]
    return Network(
        name="small",
        nodes=tuple(nodes),
        pipes=tuple(pipes),
        substations=(
            Substation("house_1", "b_supply", "b_return", 50e3, 1.0),
            Substation("house_2", "b_supply", "b_return", 30e3, 1.0, return_law=Exchanger(2e3)),
        ),
        plants=(
            Plant(
                "boiler",
                "a_supply",
                "a_return",
                PlantKind.BOILER,
                PlantControl.PRESSURE,
                capacity_W=150e3,
            ),
            Plant(
                "pump",
                "a_supply",
                "a_return",
                PlantKind.HEAT_PUMP,
                PlantControl.HEAT,
                capacity_W=40e3,
                minimum_load_W=10e3,
                efficiency=0.5,
            ),
        ),
        holdings=(PressureHolding("a_return"),),
        tanks=(Tank("tank", "a_supply", "a_return", 5.0, 3.0, maximum_flow_kg_per_s=1.0),),
        dumps=(Dump("cooler", "b_supply", "b_return", 20e3),),
        outages=(Outage("pump", MIDWINTER.replace(hour=3), MIDWINTER.replace(hour=6, minute=30)),),
        limits=(
            DatedLimit(
                "boiler",
                Limited.HEAT_W,
                MIDWINTER.replace(hour=10),
                MIDWINTER.replace(hour=12),
                upper=75e3,
            ),
        ),
    )
