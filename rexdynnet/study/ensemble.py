"""What a study gave: a table of key figures, and trajectories on demand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import nearest
from rexdynnet.study.paired import Paired, interval
from rexdynnet.study.store import KPIS, StudyFolder, read_table
from rexdynnet.study.trajectories import read_trajectories

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]
_HEAD = ("run", "scenario", "arm", "seed", "error")


@dataclass(frozen=True)
class Ensemble:
    """Runs of a study.

    Parameters
    ----------
    kpis : DataFrame
        A row per run, by arm and seed: `run`, `scenario`, `arm`, `seed`, each varied
        override, `error` (empty where the run succeeded), key figures.
    varied : tuple of str
        Overrides that differ from arm to arm.
    folder : Path
        Where trajectories are read from.
    data : mapping of run key to Dataset
        Trajectories that were loaded already.
    """

    kpis: pd.DataFrame
    varied: tuple[str, ...]
    folder: Path
    data: Mapping[str, xr.Dataset] = field(default_factory=dict, repr=False)

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the key figures."""
        return tuple(str(c) for c in self.kpis.columns if c not in (*_HEAD, *self.varied))

    @property
    def failed(self) -> pd.DataFrame:
        """Runs that failed, with their errors."""
        return self.kpis.loc[self.kpis["error"] != ""]

    def label(self, arm: int) -> str:
        """What sets an arm apart, for people."""
        mine = self._arm(arm)
        row = {name: mine[name].tolist()[0] for name in ("scenario", *self.varied)}
        several = self.kpis["scenario"].nunique() > 1
        parts = [str(row["scenario"])] if several or not self.varied else []
        parts += [f"{name.rpartition('.')[2]}={_short(row[name])}" for name in self.varied]
        return ", ".join(parts)

    def dataset(self, arm: int, seed: int) -> xr.Dataset:
        """Trajectories of one run.

        Raises
        ------
        InputError
            There is no such run, or it kept none.
        """
        mine = self._arm(arm)
        keys = dict(zip(mine["seed"].tolist(), mine["run"].tolist(), strict=True))
        if seed not in keys:
            remedy = "see the columns arm and seed of kpis"
            raise InputError(Finding(f"there is no run of arm {arm} with seed {seed}", remedy))
        key = str(keys[seed])
        if key in self.data:
            return self.data[key]
        return read_trajectories(StudyFolder(self.folder).trajectories(key))

    def series(self, name: str, arm: int = 0) -> xr.DataArray:
        """One trajectory over all seeds of an arm.

        Parameters
        ----------
        name : str
            `component.quantity`, such as `substation_7.heat`.
        arm : int

        Returns
        -------
        xarray.DataArray
            Dimensions `seed` and `time`; failed runs are left out.

        Raises
        ------
        InputError
            No such trajectory was kept.
        """
        import xarray as xr

        from rexdynnet.simulation.dataset import series

        mine = self.kpis[(self.kpis["arm"] == arm) & (self.kpis["error"] == "")]
        if mine.empty:
            what = f"arm {arm} has no finished run"
            raise InputError(Finding(what, "see the column error of kpis"))
        seeds = [int(seed) for seed in mine["seed"]]
        rows = [series(self.dataset(arm, seed), name) for seed in seeds]
        first = rows[0]
        values = np.array([row.to_numpy() for row in rows])
        attrs = {**first.attrs, "name": name, "start_utc": self._start(arm, seeds[0])}
        return xr.DataArray(
            values,
            dims=("seed", "time"),
            coords={"seed": seeds, "time": first["time"].to_numpy()},
            name=name,
            attrs=attrs,
        )

    def _start(self, arm: int, seed: int) -> str:
        return str(self.dataset(arm, seed).attrs.get("start_utc", ""))

    def paired(self) -> Paired:
        """Key figures as arms by seeds, for differences on the same random numbers.

        Returns
        -------
        Paired
            Only seeds that no arm failed on.

        Raises
        ------
        InputError
            Every seed failed on some arm.
        """
        bad = set(self.failed["seed"].tolist())
        order: list[int] = self.kpis["seed"].drop_duplicates().tolist()
        seeds = [seed for seed in order if seed not in bad]
        if not seeds:
            remedy = "see the column error of kpis"
            raise InputError(Finding("on every seed some arm failed", remedy))
        arms = sorted(set(self.kpis["arm"]))
        return Paired(
            tuple(self.label(arm) for arm in arms),
            tuple(seeds),
            {
                name: np.array([self.values(arm, name, seeds) for arm in arms])
                for name in self.figures
            },
        )

    def values(self, arm: int, figure: str, seeds: Sequence[int] | None = None) -> Floats:
        """A key figure of an arm, seed by seed.

        Parameters
        ----------
        arm : int
        figure : str
        seeds : sequence of int or None
            None: all of the study, in its order.

        Returns
        -------
        ndarray, shape (seeds,)
            NaN where a run failed.

        Raises
        ------
        InputError
            There is no such figure.
        """
        self.require(figure)
        mine = self._arm(arm)
        found = dict(zip(mine["seed"].tolist(), mine[figure].tolist(), strict=True))
        return np.array([found[seed] for seed in (found if seeds is None else seeds)], dtype=float)

    def _arm(self, arm: int) -> pd.DataFrame:
        return cast("pd.DataFrame", self.kpis.loc[self.kpis["arm"] == arm])

    def require(self, figure: str) -> None:
        """Refuse a figure that the study does not have.

        Raises
        ------
        InputError
            Names those that come near.
        """
        if figure not in self.figures:
            what = f"the study has no key figure {figure!r}"
            raise InputError(Finding(what, nearest(figure, self.figures)))

    def lines(self, figure: str = "cost_EUR") -> Iterator[str]:
        """What a person wants to read: each arm's mean with its 95 % interval."""
        self.require(figure)
        arms = sorted(set(self.kpis["arm"]))
        labels = [self.label(arm) for arm in arms]
        width = max(map(len, labels))
        head = f"{'':{width}}  runs  {figure}, mean and 95 % interval"
        yield head + (", paired difference to the first" if len(arms) > 1 else "")
        base = self.values(arms[0], figure)
        for arm, label in zip(arms, labels, strict=True):
            mine = self.values(arm, figure)
            known = mine[np.isfinite(mine)]
            text = f"{label:{width}}  {len(known):4d}  "
            text += str(interval(known)) if len(known) > 1 else f"{known.sum():.5g}"
            change = (mine - base)[np.isfinite(mine - base)]
            if arm != arms[0] and len(change) > 1:
                text += f"   {interval(change)}"
            yield text
        for _, row in self.failed.iterrows():
            yield f"failed: arm {row['arm']}, seed {row['seed']}: {row['error']}"

    def loaded(self) -> Ensemble:
        """The same with all trajectories in memory."""
        store = StudyFolder(self.folder)
        files = {str(key): store.trajectories(str(key)) for key in self.kpis["run"]}
        data = {key: read_trajectories(file) for key, file in files.items() if file.exists()}
        return replace(self, data=data)


def read_ensemble(out: str | PathLike[str]) -> Ensemble:
    """Open the folder of a finished study.

    Parameters
    ----------
    out : str or path
        The folder that `rexdynnet study` wrote.

    Returns
    -------
    Ensemble

    Raises
    ------
    InputError
        It holds no table, or one of another format.
    """
    kpis, varied = read_table(Path(out) / KPIS)
    return Ensemble(kpis, varied, Path(out))


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    try:
        return str(json.loads(text))
    except ValueError:
        return text
