from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.simulation import weather
from rexdynnet.simulation.weather import (
    REGIONS,
    GroundModel,
    ReferenceYear,
    first_harmonic,
    full_hours,
    hour_of_reference_year,
    read_reference_year,
    weather_forcing,
)

NEW_YEAR = datetime(2025, 12, 31, 23, tzinfo=UTC)  # local midnight


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_has_a_plausible_year(region: int) -> None:
    year = read_reference_year(region)
    assert 270 < year.temperature_K.mean() < 290
    assert 240 < year.temperature_K.min() < year.temperature_K.max() < 312
    # Yearly sums of global radiation in Germany lie between 900 and 1200 kWh/m2.
    assert 900e3 < year.global_radiation_W_per_m2.sum() < 1200e3


def test_potsdam_is_region_four() -> None:
    year = read_reference_year(4)
    assert year.station == "Potsdam"
    assert year.temperature_K[0] == pytest.approx(273.15 - 2.6)


def test_a_region_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="1 to 15"):
        read_reference_year(16)


def test_a_missing_demandlib_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weather, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install demandlib"):
        weather.demandlib_folder()


def test_a_changed_weather_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "vdi" / "resources_weather"
    folder.mkdir(parents=True)
    (folder / "TRY2010_07_Jahr.dat").write_text("RG Region\n***\n1 2 3\n")
    monkeypatch.setattr(weather, "demandlib_folder", lambda: tmp_path)
    with pytest.raises(InputError, match=r"TRY2010_07_Jahr\.dat"):
        read_reference_year.__wrapped__(7)


def test_hours_run_in_local_standard_time_and_the_leap_day_repeats() -> None:
    assert hour_of_reference_year([NEW_YEAR])[0] == 0
    leap = datetime(2028, 2, 28, 23, tzinfo=UTC)  # 29 February, 0 h local
    assert hour_of_reference_year([leap])[0] == (31 + 27) * 24
    last = datetime(2028, 12, 31, 22, tzinfo=UTC)
    assert hour_of_reference_year([last])[0] == 8759


def test_the_sun_shines_by_day_only() -> None:
    forcing = weather_forcing(read_reference_year(4), NEW_YEAR, 365 * 86400.0)
    radiation = forcing.column("outdoor.global_radiation")[:-1].reshape(365, 24)
    assert radiation[:, [0, 1, 2, 22, 23]].max() == 0
    assert abs(int(np.argmax(radiation.mean(axis=0))) - 12) <= 1


def test_weather_covers_a_run_that_begins_between_full_hours() -> None:
    start = NEW_YEAR + timedelta(minutes=20)
    forcing = weather_forcing(read_reference_year(4), start, 5400.0)
    assert forcing.time_s[0] == -1200.0
    assert forcing.time_s[-1] >= 5400.0
    year = read_reference_year(4)
    assert forcing.at(2400.0)[0] == year.temperature_K[0]
    assert len(full_hours(NEW_YEAR, 3600.0)[0]) == 2


def test_the_first_harmonic_of_a_cosine_is_found() -> None:
    times = (np.arange(8760) + 1) * 3600.0
    air = 283.0 - 9.0 * np.cos(2 * np.pi * (times / 3600 / 8760 - 20 / 365))
    mean, amplitude, coldest = first_harmonic(air)
    assert (mean, amplitude, coldest / 86400) == pytest.approx((283.0, 9.0, 20.0), abs=1e-6)


def test_deep_ground_is_calmer_and_later_by_the_law_of_heat_waves() -> None:
    times = (np.arange(8760) + 1) * 3600.0
    air = 283.0 - 9.0 * np.cos(2 * np.pi * (times / 3600 / 8760 - 20 / 365))
    year = ReferenceYear(0, "made", air, np.zeros(8760))
    np.testing.assert_allclose(GroundModel(0.0).temperature(year, times), air, atol=1e-6)
    # At depth pi * d the wave is inverted and damped by exp(-pi); d = sqrt(a P / pi).
    diffusivity = 6e-7
    depth = np.sqrt(diffusivity * 8760 * 3600 / np.pi) * np.pi
    deep = GroundModel(float(depth), diffusivity).temperature(year, times)
    np.testing.assert_allclose(deep - 283.0, -np.exp(-np.pi) * (air - 283.0), atol=1e-6)
