"""Measured against predicted."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from rexdynnet.errors import InputError
from rexdynnet.plot import measured_against_predicted

TIMES_S = np.arange(0.0, 7200.0, 60.0)
MEASURED_K = 330.0 + np.sin(TIMES_S / 900.0)


def test_given_axes_take_the_two_series_only() -> None:
    figure = Figure()
    ax = figure.subplots()
    assert measured_against_predicted(TIMES_S, MEASURED_K, MEASURED_K, ax) is figure
    assert len(ax.lines) == 2


def test_faulty_series_are_errors() -> None:
    broken = MEASURED_K.copy()
    broken[3] = np.nan
    with pytest.raises(InputError, match="measured is NaN at 180 s"):
        measured_against_predicted(TIMES_S, broken, MEASURED_K)
    with pytest.raises(InputError, match="119 predicted"):
        measured_against_predicted(TIMES_S, MEASURED_K, MEASURED_K[1:])
    with pytest.raises(InputError, match="do not increase"):
        measured_against_predicted(TIMES_S[::-1], MEASURED_K, MEASURED_K)
    with pytest.raises(InputError, match="after the last time"):
        measured_against_predicted(TIMES_S, MEASURED_K, MEASURED_K, from_s=1e6)
