"""Energy balance and load-duration curve."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from rexdynnet.errors import InputError
from rexdynnet.plot import energy_balance, load_duration_curve
from tests.unit.plot.synthetic import cross_result, drop

MWH_J = 3.6e9


def test_bars_are_the_energies_of_the_whole_run() -> None:
    result = cross_result()
    ax = energy_balance(result).axes[0]
    names = [text.get_text() for text in ax.get_yticklabels()]
    bars = [bar.get_width() for bar in ax.patches if isinstance(bar, Rectangle)]
    widths = dict(zip(names, bars, strict=True))
    last = result.isel(time=-1)
    assert widths == {
        "plants": pytest.approx(float(last["energy_plants"]) / MWH_J),
        "delivered": pytest.approx(float(last["energy_delivered"]) / MWH_J),
        "lost to ground": pytest.approx(float(last["energy_lost"]) / MWH_J),
        "dumped": pytest.approx(float(last["energy_dumped"]) / MWH_J),
        "into store": pytest.approx(float(last["energy_stored"]) / MWH_J),
    }
    assert "MWh" in ax.get_xlabel()


def test_what_comes_out_of_store_stands_on_the_side_of_the_plants() -> None:
    result = cross_result()
    result["energy_stored"] *= -1.0
    names = [text.get_text() for text in energy_balance(result).axes[0].get_yticklabels()]
    assert names.index("out of store") < names.index("delivered")
    assert "into store" not in names


def test_the_residual_is_written_down() -> None:
    title = energy_balance(cross_result()).axes[0].get_title(loc="left")
    assert "1e-05 kWh" in title


def test_several_plants_show_each_and_all() -> None:
    result = cross_result().isel(plant=[0, 0]).assign_coords(plant=["one", "two"])
    ax = load_duration_curve(result).axes[0]
    top = {str(one.get_label()): float(np.max(one.get_ydata())) for one in ax.lines}
    assert top["all plants"] == pytest.approx(2 * top["one"])
    assert top["one"] == top["two"]


def test_missing_energies_are_named() -> None:
    with pytest.raises(InputError, match="energy_lost"):
        energy_balance(drop(cross_result(), "energy_lost"))
    with pytest.raises(InputError, match="plant_heat"):
        load_duration_curve(drop(cross_result(), "plant_heat"))
