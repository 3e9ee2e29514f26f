"""A controller of one's own: step the plant from segment to segment, with explicit state."""

from dataclasses import replace

import numpy as np

import rexdynnet as rdn
from rexdynnet.simulation.plant import Inputs
from rexdynnet.study.scenario import forcing_of

scenario = rdn.read_scenario("models/scenarios/destest8_winter_week.toml")
scenario = replace(scenario, duration_s=86400.0)
plant = rdn.make_plant(scenario.network)
supply = [signal.name for signal in plant.controls].index("boiler.supply_temperature")
segments = forcing_of(scenario).inputs(plant, scenario.duration_s)


def lost_in_a_day(setback_K: float) -> float:
    """Heat lost in kWh when the supply is cooler from midnight to five."""

    def act(inputs: Inputs, time_s: float) -> Inputs:
        controls = inputs.controls.copy()
        if time_s < 5 * 3600.0:
            controls[supply] -= setback_K
        return replace(inputs, controls=controls)

    state = plant.init(act(segments[0].start, 0.0))
    lost_J = 0.0
    for piece in segments:
        start, end = act(piece.start, piece.start_s), act(piece.end, piece.start_s)
        state, output = plant.advance(state, start, end, piece.end_s)
        steps_s = np.diff(output.times_s)
        lost_J += float(output.records["pipe_heat_loss"][1:].sum(axis=1) @ steps_s)
    return lost_J / 3.6e6


without, with_setback = lost_in_a_day(0.0), lost_in_a_day(5.0)
print(f"{without:.1f} kWh lost without, {with_setback:.1f} kWh with night set-back")
if not with_setback < without:
    raise SystemExit("a cooler supply should lose less")
