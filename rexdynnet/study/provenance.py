"""What a result must carry so that it can be judged and made again."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from rexdynnet.study.scenario import SimulationScenario

_LIBRARIES = ("casadi", "numba", "numpy", "piqp", "scipy", "xarray")


def stamp(result: xr.Dataset, scenario: SimulationScenario) -> xr.Dataset:
    """Add the scenario, the libraries' versions and the bounds of the substations' contracts.

    Parameters
    ----------
    result : xarray.Dataset
        With the dimension `substation` where the network has any.
    scenario : SimulationScenario

    Returns
    -------
    xarray.Dataset
        With the attributes `scenario`, `scenario_hash`, `scenario_text`, `seed` and
        `library_versions`, and by substation `substation_minimum_supply_temperature` (K) and
        `substation_minimum_differential_pressure` (Pa).
    """
    stamped = result.assign_attrs(
        scenario=scenario.name,
        scenario_hash=scenario.hash,
        scenario_text=scenario.text,
        seed=scenario.seed,
        library_versions=library_versions(),
    )
    substations = scenario.network.substations
    if not substations:
        return stamped
    coldest_K = np.array([one.minimum_supply_temperature_K for one in substations])
    least_Pa = np.array([one.minimum_differential_pressure_Pa for one in substations])
    return stamped.assign_coords(
        substation_minimum_supply_temperature=("substation", coldest_K, {"units": "K"}),
        substation_minimum_differential_pressure=("substation", least_Pa, {"units": "Pa"}),
    )


@lru_cache(maxsize=1)
def code_digest() -> str:
    """SHA-256 of the package's own source: results of other code are not taken for this one's.

    Returns
    -------
    str

    Examples
    --------
    >>> len(code_digest())
    64
    """
    root = Path(__file__).resolve().parents[1]
    whole = sha256()
    for file in sorted(root.rglob("*.py")):
        whole.update(file.relative_to(root).as_posix().encode())
        whole.update(sha256(file.read_bytes()).digest())
    return whole.hexdigest()


def library_versions() -> str:
    """Versions of the libraries that decide the numbers.

    Returns
    -------
    str
        As `numpy 2.4.6, scipy 1.16.3`; libraries that are not installed are left away.

    Examples
    --------
    >>> "numpy" in library_versions()
    True
    """
    found: list[str] = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
