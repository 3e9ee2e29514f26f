"""Calibrated on the first days of a measured network, it predicts the days after better."""

from __future__ import annotations

import numpy as np
import pytest

import rexdynnet as rdn
from rexdynnet.identify.calibrate import Law, Recorded, Unknown, calibrate, calibrated
from rexdynnet.study.validation_cases import read_case
from tests.data import validation

STEP_S = 900.0
LOSSES = (
    Unknown("main", Law.HEAT_LOSS, ("pip0", "pip1", "pip5")),
    Unknown("to p2", Law.HEAT_LOSS, ("pip2",)),
    Unknown("to p3", Law.HEAT_LOSS, ("pip3",)),
)


@pytest.mark.slow
def test_factors_from_the_first_three_fifths_of_a_week_help_in_the_rest() -> None:
    case = read_case(validation("network_ait"))
    whole_s = float(case.forcing.time_s[-1])
    fitted_s = float(np.floor(0.6 * whole_s / STEP_S) * STEP_S)
    rows = round(fitted_s / STEP_S) + 1
    sensors = case.sensors[:2]
    recorded = [Recorded(f"{s.node}.temperature", s.measured_K[:rows], 0.1) for s in sensors]
    found = calibrate(
        case.network,
        case.forcing,
        recorded,
        LOSSES,
        until_s=fitted_s,
        output_step_s=STEP_S,
        skip_s=case.skip_s,
    )
    error_K = {}
    for name, network in (
        ("built", case.network),
        ("calibrated", calibrated(case.network, found)),
    ):
        run = rdn.simulate(network, case.forcing, whole_s, output_step_s=STEP_S)
        for sensor in sensors:
            told = np.asarray(rdn.series(run, f"{sensor.node}.temperature"), dtype=float)
            miss = (sensor.measured_K - told)[rows:]
            error_K[name, sensor.node] = float(np.sqrt(np.nanmean(miss**2)))
    for sensor in sensors:
        print(sensor.node, error_K["built", sensor.node], error_K["calibrated", sensor.node])
        assert error_K["calibrated", sensor.node] < error_K["built", sensor.node]
    assert error_K["calibrated", "p2"] < 0.85 * error_K["built", "p2"]
