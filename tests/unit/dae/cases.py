"""Small networks built in code: a pair of pipes, a ring, and what can stand beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rexdynnet.dae import Dae, Point, defaults, steady_state
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import (
    Fluid,
    Line,
    Node,
    Pipe,
    PipeWall,
    Plant,
    PlantControl,
    PlantKind,
    PressureHolding,
    Substation,
)

# constant properties, so that exact solutions are exact
WATER = Fluid(980.0, 4190.0, viscosity_Pa_s=4.5e-4, conductivity_W_per_mK=0.65)
STEEL = PipeWall(0.003)


def nodes(*places: str, volume_m3: float = 1e-3) -> tuple[Node, ...]:
    return tuple(
        Node(f"{place}_{line.value}", line, place=place, volume_m3=volume_m3)
        for place in places
        for line in Line
    )


def trench(
    start: str, end: str, length_m: float = 100.0, *, loss: float = 0.3, **further: Any
) -> tuple[Pipe, Pipe]:
    """Supply pipe from start to end, return pipe from end to start."""
    settings: dict[str, Any] = {
        "length_m": length_m,
        "inner_diameter_m": 0.05,
        "loss_W_per_mK": loss,
        "wall": STEEL,
        **further,
    }
    name = f"{start}-{end}"
    coupled = settings.get("coupling_W_per_mK", 0.0) > 0
    twins = (f"{name}_supply", f"{name}_return")
    return (
        Pipe(
            twins[0],
            Line.SUPPLY,
            f"{start}_supply",
            f"{end}_supply",
            partner=twins[1] if coupled else None,
            **settings,
        ),
        Pipe(
            twins[1],
            Line.RETURN,
            f"{end}_return",
            f"{start}_return",
            partner=twins[0] if coupled else None,
            **settings,
        ),
    )


def house(place: str = "h", **settings: Any) -> Substation:
    chosen: dict[str, Any] = {"design_heat_W": 50e3, "valve_kv_kg_per_s": 1.0, **settings}
    name = chosen.pop("name", f"house_{place}")
    return Substation(name, f"{place}_supply", f"{place}_return", **chosen)


def boiler(place: str = "i", **settings: Any) -> Plant:
    chosen: dict[str, Any] = {
        "name": "boiler",
        "kind": PlantKind.BOILER,
        "control": PlantControl.PRESSURE,
        "capacity_W": 300e3,
        **settings,
    }
    return Plant(supply_node=f"{place}_supply", return_node=f"{place}_return", **chosen)


def pair(
    *substations: Substation,
    pipes: tuple[Pipe, ...] | None = None,
    plants: tuple[Plant, ...] | None = None,
    fluid: Fluid = WATER,
    volume_m3: float = 1e-3,
    **further: Any,
) -> Network:
    """Plant at `i`, one trench, substations at `h`."""
    return Network(
        "pair",
        nodes("i", "h", volume_m3=volume_m3),
        trench("i", "h") if pipes is None else pipes,
        substations or (house(),),
        (boiler(),) if plants is None else plants,
        (PressureHolding("i_return"),),
        fluid=fluid,
        **further,
    )


def ring(**further: Any) -> Network:
    """Boiler at `i`; houses at `a`, `b`, `c` on a ring i-a-b-c-i."""
    return Network(
        "ring",
        nodes("i", "a", "b", "c"),
        (
            *trench("i", "a", 80.0),
            *trench("a", "b", 60.0),
            *trench("b", "c", 70.0),
            *trench("i", "c", 120.0),
        ),
        (house("a"), house("b"), house("c")),
        (boiler(),),
        (PressureHolding("i_return"),),
        fluid=WATER,
        **further,
    )


Floats = NDArray[np.float64]


def inputs(dae: Dae, **given: float) -> tuple[Floats, Floats, Floats]:
    """Controls, disturbances, parameters; `a__b` stands for `a.b`; houses ask 20 kW by default."""
    named = {name.replace("__", "."): value for name, value in given.items()}
    for signal in dae.d:
        if signal.quantity == "heat_demand":
            named.setdefault(signal.name, 20e3)
    groups = []
    for signals in (dae.u, dae.d, dae.p):
        own = {s.name: named.pop(s.name) for s in signals if s.name in named}
        groups.append(defaults(signals, own))
    assert not named, f"no such signals: {sorted(named)}"
    return groups[0], groups[1], groups[2]


def settled(dae: Dae, **given: float) -> Point:
    """Steady point of given inputs."""
    u, d, p = inputs(dae, **given)
    x, z = steady_state(dae, u, d, p)
    return Point(x, z, u, d, p)


def outputs(dae: Dae, point: Point) -> dict[str, float]:
    """Outputs by name."""
    y = np.asarray(dae.out(point.t, point.x, point.z, point.u, point.d, point.p)).ravel()
    return dict(zip(dae.y_names, y.tolist(), strict=True))
