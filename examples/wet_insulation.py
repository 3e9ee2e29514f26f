"""What wet insulation on one trench costs: a run-time fault, and two runs side by side."""

from dataclasses import replace

import rexdynnet as rdn

scenario = rdn.read_scenario("models/scenarios/destest16_winter_week.toml")
day = replace(scenario, duration_s=86400.0)
wet = replace(day, parameters={"i-h_supply.loss_factor": 4.0})

losses = {}
for name, run in {"dry": day, "wet": wet}.items():
    result = rdn.run_simulation(run)
    losses[name] = float(result.energy_lost[-1]) / 3.6e6
    print(f"{name}: {losses[name]:.0f} kWh lost in a day")
if not losses["wet"] > losses["dry"]:
    raise SystemExit("wet insulation should lose more")
