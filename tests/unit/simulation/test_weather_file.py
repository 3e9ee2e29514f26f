"""Weather files of other places become reference years in UTC+1."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.simulation.weather import read_reference_year, weather_forcing
from rexdynnet.study.scenario import forcing_of, read_scenario
from tests.data import ROOT

pytest.importorskip("pvlib", reason="needs the extra rexdynnet[weather]")

HEAD = (
    "LOCATION,Testville,XX,XXX,TEST,000000,52.4,13.1,{zone},81.0\n"
    "DESIGN CONDITIONS,0\nTYPICAL/EXTREME PERIODS,0\nGROUND TEMPERATURES,0\n"
    "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0\nCOMMENTS 1,\nCOMMENTS 2,\n"
    "DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31\n"
)


def hours(year: int = 2027):
    instants = np.arange(np.datetime64(f"{year}-01-01T00"), np.datetime64(f"{year + 1}-01-01T00"))
    return [instant.astype(datetime) for instant in instants]


def temperature(row: int) -> float:
    return round(8.0 + row / 1000.0, 3)


def epw(folder: Path, zone: float = 1.0, year: int = 2027, spoilt: dict[int, str] | None = None):
    lines = []
    for row, instant in enumerate(hours(year)):
        cells = [str(instant.year), str(instant.month), str(instant.day), str(instant.hour + 1)]
        cells += ["60", "flags", (spoilt or {}).get(row, str(temperature(row)))]
        cells += ["0"] * 6 + [str(row % 700)] + ["0"] * 21
        lines.append(",".join(cells))
    file = folder / "place.epw"
    file.write_text(HEAD.format(zone=zone) + "\n".join(lines) + "\n")
    return file


def tmy3(folder: Path):
    columns = "Date (MM/DD/YYYY),Time (HH:MM),GHI (W/m^2),DNI (W/m^2),DHI (W/m^2),Dry-bulb (C)"
    lines = ["724699,'BROOMFIELD',CO,-7.0,40.1,-105.2,1724", columns]
    for row, instant in enumerate(hours()):
        day = f"{instant:%m/%d/%Y},{instant.hour + 1:02d}:00"
        lines.append(f"{day},{row % 700},0,0,{temperature(row)}")
    file = folder / "place.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_an_epw_of_the_same_zone_is_taken_row_by_row(tmp_path: Path) -> None:
    year = read_reference_year(epw(tmp_path))
    rows = np.arange(8760)
    assert year.station == "Testville"
    np.testing.assert_allclose(year.temperature_K, 8.0 + rows / 1000.0 + 273.15, atol=1e-9)
    np.testing.assert_allclose(year.global_radiation_W_per_m2, rows % 700)


@pytest.mark.parametrize("zone", [-5.0, 0.0, 2.0])
def test_hours_of_another_zone_end_at_the_same_instant_in_utc(tmp_path: Path, zone: float) -> None:
    year = read_reference_year(epw(tmp_path, zone))
    start = datetime(2027, 3, 10, tzinfo=UTC)
    forcing = weather_forcing(year, start, 3600.0)
    # the value at the end of the local hour that ends at `start`
    ended = (31 + 28 + 9) * 24 + int(zone)
    assert forcing.values[0, 0] == pytest.approx(temperature(ended - 1) + 273.15)
    assert forcing.values[0, 1] == ended % 700


def test_a_tmy3_file_is_read_too(tmp_path: Path) -> None:
    year = read_reference_year(tmy3(tmp_path))
    # seven hours west of Greenwich: eight rows later in UTC+1
    assert year.temperature_K[8] == pytest.approx(temperature(0) + 273.15)
    assert year.global_radiation_W_per_m2[8 + 650] == 650


def test_the_29th_of_february_is_left_out(tmp_path: Path) -> None:
    year = read_reference_year(epw(tmp_path, year=2028))
    assert len(year.temperature_K) == 8760
    assert year.temperature_K[59 * 24] == pytest.approx(temperature(60 * 24) + 273.15)


@pytest.mark.parametrize("value", ["99.9", "-99", "nan", ""])
def test_a_missing_value_is_named_by_its_hour(tmp_path: Path, value: str) -> None:
    with pytest.raises(InputError, match="hour 18 has no usable value"):
        read_reference_year(epw(tmp_path, spoilt={17: value}))


def test_what_is_no_weather_file_is_refused(tmp_path: Path) -> None:
    for name, content in (("a.epw", "nothing\n"), ("b.csv", "1,2\n3,4\n")):
        file = tmp_path / name
        file.write_text(content)
        with pytest.raises(InputError, match=r"EnergyPlus weather file \(.epw\) or a TMY3"):
            read_reference_year(file)
    with pytest.raises(InputError, match="does not exist"):
        read_reference_year(tmp_path / "c.epw")


SCENARIO = f"""\
network = "{ROOT}/models/networks/destest8"
[time]
start_utc = 2027-01-15T00:00:00Z
duration = "2h"
output_step = "10min"
[weather]
WEATHER
[demand]
building = "single_family"
"""


def test_a_scenario_takes_its_weather_and_its_demand_from_a_file(tmp_path: Path) -> None:
    epw(tmp_path)
    file = tmp_path / "scenario.toml"
    file.write_text(SCENARIO.replace("WEATHER", 'file = "place.epw"'))
    scenario = read_scenario(file)
    forcing = forcing_of(scenario)
    column = [signal.name for signal in forcing.signals].index("outdoor.temperature")
    assert forcing.values[0, column] == pytest.approx(temperature(14 * 24) + 273.15)
    before = scenario.hash
    epw(tmp_path, spoilt={0: "5.0"})
    read_reference_year.cache_clear()
    assert read_scenario(file).hash != before


@pytest.mark.parametrize("words", ["", 'region = 4\nfile = "place.epw"'])
def test_weather_is_a_region_or_a_file(tmp_path: Path, words: str) -> None:
    epw(tmp_path)
    file = tmp_path / "scenario.toml"
    file.write_text(SCENARIO.replace("WEATHER", words))
    with pytest.raises(InputError, match="needs a region or a file"):
        read_scenario(file)
