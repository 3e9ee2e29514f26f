from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.simulation.demand import Diversity, HeatLoad, demand_forcing
from rexdynnet.simulation.profile import BuildingKind, heat_profile, public_holidays
from rexdynnet.simulation.weather import read_reference_year

NEW_YEAR = datetime(2025, 12, 31, 23, tzinfo=UTC)  # local midnight
YEAR_S = 365 * 86400.0
NONE = Diversity(0.0, 0.0, 0.0)
MWH = 3.6e9


@pytest.mark.parametrize(
    ("kind", "construction"),
    [
        (BuildingKind.SINGLE_FAMILY, 1),
        (BuildingKind.MULTI_FAMILY, 4),
        (BuildingKind.PUBLIC_OFFICE, 0),
        (BuildingKind.LAUNDRY, 0),
    ],
)
def test_profiles_are_those_of_demandlib(kind: BuildingKind, construction: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas as pd
        from demandlib import bdew

        index = pd.date_range("2026-01-01", periods=8760, freq="h")
        air = pd.Series(read_reference_year(4).temperature_K - 273.15, index=index)
        theirs = bdew.HeatBuilding(
            index,
            temperature=air,
            shlp_type=kind.value,
            building_class=construction,
            wind_class=0,
            annual_heat_demand=1.0,
            holidays=list(public_holidays(2026)),
        ).get_bdew_profile()
    ours = heat_profile(kind, construction, False, (4, 2026))
    expected = np.asarray(theirs) / np.asarray(theirs).sum()
    # The day's shares in the table are rounded to four digits: 1e-4 of the day.
    np.testing.assert_allclose(ours.space + ours.hot_water, expected, rtol=2e-4, atol=1e-9)


def test_a_holiday_is_a_sunday_and_the_day_after_is_none() -> None:
    profile = heat_profile(BuildingKind.PUBLIC_OFFICE, 0, False, (4, 2026))
    of_day = (profile.space + profile.hot_water).reshape(365, 24).sum(axis=1)
    ascension = date(2026, 5, 14)
    assert ascension in public_holidays(2026)
    at = ascension.timetuple().tm_yday - 1
    assert of_day[at] < 0.95 * min(of_day[at - 1], of_day[at + 1])


def test_every_kind_of_building_sums_to_its_annual_heat() -> None:
    loads = {kind.name: HeatLoad(100 * MWH, kind) for kind in BuildingKind}
    forcing = demand_forcing(loads, 4, NEW_YEAR, YEAR_S, seed=1, diversity=NONE)
    sums = forcing.values[:-1].sum(axis=0) * 3600.0
    np.testing.assert_allclose(sums, 100 * MWH, rtol=1e-12)
    assert forcing.values.min() >= 0


def test_a_leap_year_sums_too() -> None:
    start = datetime(2027, 12, 31, 23, tzinfo=UTC)
    load = {"a": HeatLoad(MWH)}
    forcing = demand_forcing(load, 4, start, 366 * 86400.0, seed=1, diversity=NONE)
    assert forcing.values[:-1].sum() * 3600 == pytest.approx(MWH, rel=1e-12)


def test_diversity_keeps_the_energy_and_lowers_the_common_peak() -> None:
    loads = {f"house_{n}": HeatLoad(20 * MWH) for n in range(30)}
    bare = demand_forcing(loads, 4, NEW_YEAR, YEAR_S, seed=1, diversity=NONE)
    mixed = demand_forcing(loads, 4, NEW_YEAR, YEAR_S, seed=1)
    sums = mixed.values[:-1].sum(axis=0) * 3600.0
    np.testing.assert_allclose(sums, 20 * MWH, rtol=0.02)
    own_peaks = mixed.values.max(axis=0).sum()
    assert mixed.values.sum(axis=1).max() < 0.95 * own_peaks
    assert mixed.values.sum() == pytest.approx(bare.values.sum(), rel=0.005)


def test_another_substation_or_a_longer_run_changes_nobody_elses_numbers() -> None:
    start = datetime(2026, 1, 15, tzinfo=UTC)
    one = demand_forcing({"a": HeatLoad(MWH)}, 4, start, 86400.0, seed=3)
    two = demand_forcing({"b": HeatLoad(MWH), "a": HeatLoad(MWH)}, 4, start, 7 * 86400.0, seed=3)
    np.testing.assert_allclose(
        two.column("a.heat_demand")[:24], one.column("a.heat_demand")[:24], rtol=1e-9
    )
    late = demand_forcing({"a": HeatLoad(MWH)}, 4, start + timedelta(hours=5), 3600.0 * 10, seed=3)
    np.testing.assert_allclose(
        late.column("a.heat_demand")[:10], one.column("a.heat_demand")[5:15], rtol=1e-9
    )
    other = demand_forcing({"a": HeatLoad(MWH)}, 4, start, 86400.0, seed=4)
    assert not np.allclose(other.values, one.values, rtol=0.01)


def test_winter_needs_more_than_summer() -> None:
    forcing = demand_forcing({"a": HeatLoad(MWH)}, 4, NEW_YEAR, YEAR_S, seed=1)
    by_month = forcing.column("a.heat_demand")[:-1]
    assert by_month[: 31 * 24].mean() > 5 * by_month[181 * 24 : 212 * 24].mean()


def test_unknown_constructions_and_negative_spreads_are_refused() -> None:
    with pytest.raises(InputError, match="1 to 11"):
        heat_profile(BuildingKind.SINGLE_FAMILY, 12, False, (4, 2026))
    with pytest.raises(InputError, match="day_spread"):
        Diversity(day_spread=-0.1)
