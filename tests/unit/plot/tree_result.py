"""A result in the layout that `simulate` returns, made from formulas instead of physics."""

from __future__ import annotations

import numpy as np
import xarray as xr

HOUR_S = 3600.0


def _tree() -> tuple[dict[str, tuple[float, float]], list[tuple[str, str]]]:
    """Two mains with four junctions each, two buildings per junction: 16 buildings."""
    places = {"centre": (60.0, 0.0)}
    trenches = []
    for side, x in (("w", 20.0), ("e", 100.0)):
        before = "centre"
        for floor in range(4):
            junction = f"{side}{floor}"
            places[junction] = (x, 15.0 + 30.0 * floor)
            trenches.append((before, junction))
            before = junction
            for lane, dx in (("l", -15.0), ("r", 15.0)):
                building = f"house_{junction}{lane}"
                places[building] = (x + dx, places[junction][1])
                trenches.append((junction, building))
    return places, trenches


def make_result(
    *,
    rows: int = 25,
    step_s: float = HOUR_S,
    start_utc: str = "2026-01-05T00:00:00Z",
    coordinates: bool = True,
    tank: bool = False,
) -> xr.Dataset:
    """A 16-building tree whose flows add up and whose temperatures fall downstream."""
    places, trenches = _tree()
    time_s = np.arange(rows) * step_s
    houses = [name for name in places if name.startswith("house_")]
    demand = 8e3 * (1.0 + 0.4 * np.sin(2 * np.pi * time_s / (24 * HOUR_S)))
    heat = np.outer(demand, 1.0 + 0.02 * np.arange(len(houses)))
    unserved = np.zeros_like(heat)
    unserved[-1, 0] = 1e3
    house_flow = (heat - unserved) / (4185.0 * 30.0)

    below = {place: [] for place in places}
    for tail, head in reversed(trenches):
        below[tail] += [head, *below[head]]
    index = {name: i for i, name in enumerate(houses)}
    depth = {"centre": 0}
    for tail, head in trenches:
        depth[head] = depth[tail] + 1

    def flow_to(place: str) -> np.ndarray:
        inside = [index[name] for name in [place, *below[place]] if name in index]
        return house_flow[:, inside].sum(axis=1)

    lengths = [float(np.hypot(*np.subtract(places[a], places[b]))) for a, b in trenches]
    supply = 343.15 + 2.0 * np.cos(2 * np.pi * time_s / (24 * HOUR_S))
    hot = {place: supply - 0.5 * depth[place] for place in places}
    cold = {place: np.full(rows, 313.15) - 0.1 * (5 - depth[place]) for place in places}
    loss = {place: 2e3 * depth[place] for place in places}

    nodes, x, y, line, temperature, pressure = [], [], [], [], [], []
    for side, values, sign in (("supply", hot, 1.0), ("return", cold, -1.0)):
        for place, (east, north) in places.items():
            nodes.append(f"{place}_{side}")
            x.append(east if coordinates else 0.0)
            y.append(north if coordinates else 0.0)
            line.append(side)
            temperature.append(values[place])
            level = (4.0e5 if sign > 0 else 3.0e5) - sign * loss[place]
            pressure.append(np.full(rows, level))
    pipes, tails, heads, pipe_line, flow, near, far = [], [], [], [], [], [], []
    for tail, head in trenches:
        pipes.append(f"{tail}-{head}_supply")
        tails.append(f"{tail}_supply")
        heads.append(f"{head}_supply")
        near.append(hot[tail])
        far.append(hot[head])
    for tail, head in trenches:
        pipes.append(f"{tail}-{head}_return")
        tails.append(f"{head}_return")
        heads.append(f"{tail}_return")
        near.append(cold[head])
        far.append(cold[tail])
    pipe_line = ["supply"] * len(trenches) + ["return"] * len(trenches)
    flow = [flow_to(head) for _, head in trenches] * 2

    lost = np.full(rows, 5e3)
    plant = (heat - unserved).sum(axis=1) + lost
    dt = np.diff(time_s, prepend=0.0)
    energy = {
        "plants": np.cumsum(plant * dt),
        "makeup": np.zeros(rows),
        "delivered": np.cumsum((heat - unserved).sum(axis=1) * dt),
        "dumped": np.zeros(rows),
        "lost": np.cumsum(lost * dt) + 3.6e6 * time_s / time_s[-1],
        "stored": -3.6e6 * time_s / time_s[-1],
        "residual": np.zeros(rows),
    }
    levels = [hot[house] for house in houses]
    gaps = [1e5 - 2 * loss[house] for house in houses]

    def columns(values: list) -> np.ndarray:
        return np.column_stack(values)

    variables = {
        "node_temperature": (("time", "node"), columns(temperature)),
        "node_pressure": (("time", "node"), columns(pressure)),
        "pipe_mass_flow": (("time", "pipe"), columns(flow)),
        "pipe_inlet_temperature": (("time", "pipe"), columns(near)),
        "pipe_outlet_temperature": (("time", "pipe"), columns(far)),
        "pipe_heat_loss": (("time", "pipe"), np.tile(10.0 * np.array(lengths * 2), (rows, 1))),
        "substation_supply_temperature": (("time", "substation"), columns(levels)),
        "substation_return_temperature": (
            ("time", "substation"),
            np.full((rows, len(houses)), 313.15),
        ),
        "substation_mass_flow": (("time", "substation"), house_flow),
        "substation_heat": (("time", "substation"), heat - unserved),
        "substation_heat_demand": (("time", "substation"), heat),
        "substation_unserved_heat": (("time", "substation"), unserved),
        "substation_differential_pressure": (("time", "substation"), np.tile(gaps, (rows, 1))),
        "plant_supply_temperature": (("time", "plant"), supply[:, None]),
        "plant_return_temperature": (("time", "plant"), cold["centre"][:, None]),
        "plant_mass_flow": (("time", "plant"), house_flow.sum(axis=1)[:, None]),
        "plant_heat": (("time", "plant"), plant[:, None]),
        "plant_differential_pressure": (("time", "plant"), np.full((rows, 1), 1e5)),
        "outdoor_temperature": ("time", 273.15 + 5.0 * np.sin(time_s / 4e4)),
        **{f"energy_{name}": ("time", values) for name, values in energy.items()},
    }
    coords = {
        "time": ("time", time_s, {"units": "s"}),
        "node": nodes,
        "pipe": pipes,
        "substation": houses,
        "plant": ["boiler"],
        "node_x_m": ("node", x),
        "node_y_m": ("node", y),
        "node_line": ("node", line),
        "pipe_from": ("pipe", tails),
        "pipe_to": ("pipe", heads),
        "pipe_length_m": ("pipe", lengths * 2),
        "pipe_line": ("pipe", pipe_line),
        "pipe_trench": ("pipe", [f"{tail}-{head}" for tail, head in trenches] * 2),
        "substation_supply_node": ("substation", [f"{house}_supply" for house in houses]),
        "substation_return_node": ("substation", [f"{house}_return" for house in houses]),
        "plant_supply_node": ("plant", ["centre_supply"]),
        "plant_return_node": ("plant", ["centre_return"]),
    }
    if tank:
        layers = 333.15 - 5.0 * np.arange(4)[None, None, :] + np.zeros((rows, 1, 1))
        variables["tank_temperature"] = (("time", "tank", "layer"), layers)
        variables["tank_mass_flow"] = (("time", "tank"), 0.2 * np.sin(time_s / 1e4)[:, None])
        variables["tank_heat"] = (("time", "tank"), 5e3 * np.sin(time_s / 1e4)[:, None])
        coords["tank"] = ["store"]
        coords["tank_supply_node"] = ("tank", ["centre_supply"])
        coords["tank_return_node"] = ("tank", ["centre_return"])
    attrs = {"network": "h_shape", "method": "formulas", "start_utc": start_utc}
    return xr.Dataset(variables, coords, attrs)
