"""A controller of your own against the baseline: as warm as the coldest substation needs."""

from dataclasses import dataclass, replace

import rexdynnet as rdn


@dataclass(frozen=True)
class ColdestSubstation:
    """Moves the supply temperature until the coldest substation has `spare_K` to spare.

    It goes on from what really acted, so that it does not wind up while somebody else decides,
    and needs no memory of its own.
    """

    bounds: rdn.ControlBounds
    spare_K: float = 2.0
    gain: float = 0.2

    def init(self, observation: rdn.Observation, preview: rdn.Preview) -> None:
        return None

    def step(
        self, observation: rdn.Observation, preview: rdn.Preview, applied, state: None
    ) -> rdn.Decision:
        now = {s.name: value for s, value in zip(self.bounds.signals, applied, strict=True)}
        spare = [
            seen - unit.minimum_supply_temperature_K
            for unit in self.bounds.network.substations
            # a sensor that is silent gives NaN, and NaN compares as false
            if (seen := observation.get(f"{unit.name}.supply_temperature")) > 0
        ]
        wanted = now["boiler.supply_temperature"]
        if spare:
            wanted += self.gain * (self.spare_K - min(spare))
        inputs = {"boiler.supply_temperature": wanted}
        controls = self.bounds.named(inputs, observation.time_s)
        if spare:
            return rdn.Decision(controls, None)
        return rdn.Decision(
            controls, None, rdn.Outcome.BAD_MEASUREMENT, cause="no substation is seen"
        )


scenario = rdn.read_scenario("models/scenarios/destest16_leak_run.toml")
loop = replace(scenario.closed_loop, monitor=None, faults=())
scenario = replace(scenario, duration_s=12 * 3600.0, closed_loop=loop)

mine = ColdestSubstation(rdn.ControlBounds(scenario.network, scenario.start_utc))
rdn.check_controller(mine, scenario.network)  # says which promise is broken, if one is

usual = rdn.run(scenario)
own = rdn.run(scenario, controller=mine)
for name, one in (("baseline", usual), ("own", own)):
    kpis = one.kpis
    print(
        f"{name:9s}{1e3 * kpis.loss_MWh:7.1f} kWh lost,{kpis.pump_kWh:6.2f} kWh pumped,"
        f"{kpis.temperature_violation_Kh:6.2f} K h too cold,{kpis.cost_EUR:8.2f} EUR"
    )
rdn.plot.control_inputs(own.data).savefig("own_controller.png")
