"""From a model's outputs on a time grid to the records of a dense output."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rexdynnet.dae.contribution import Account
from rexdynnet.dae.model import Dae
from rexdynnet.simulation.sundials import Integrated, Segment

Floats = NDArray[np.float64]

ACCOUNTS = (Account.PLANTS, Account.MAKEUP, Account.DELIVERED, Account.DUMPED, Account.LOST)
_HIDDEN = {"holding_makeup_mass_flow", "holding_makeup_heat", "pipe_leak_heat"}


@dataclass(frozen=True)
class Recorder:
    """Evaluates a model's outputs and names them like the result dataset.

    Parameters
    ----------
    dae : Dae
    """

    dae: Dae

    @cached_property
    def _columns(self) -> dict[str, list[int]]:
        columns: dict[str, list[int]] = {}
        for column, output in enumerate(self.dae.equations.outputs):
            columns.setdefault(output.variable, []).append(column)
        return columns

    @cached_property
    def _integrated(self) -> dict[int, int]:
        outputs = enumerate(self.dae.equations.outputs)
        places = [column for column, output in outputs if output.integrated]
        return {column: place for place, column in enumerate(places)}

    @cached_property
    def accounts(self) -> Floats:
        """(accounts, n_q) matrix that sums the integrated outputs by account."""
        outputs = [output for output in self.dae.equations.outputs if output.integrated]
        return np.array(
            [[float(output.account is account) for output in outputs] for account in ACCOUNTS]
        )

    def stored(self, segment: Segment, share: float, x: Floats, z: Floats) -> float:
        """Heat held by the states, J."""
        t, u, d = segment.share(share)
        return float(self.dae.stored_heat(t, x, z, u, d, segment.parameters))

    def record(
        self, segment: Segment, solution: Integrated, booked_J: Floats, stored_at_start_J: float
    ) -> tuple[Floats, dict[str, Floats]]:
        """Name everything that happened in a segment.

        Parameters
        ----------
        segment : Segment
        solution : Integrated
        booked_J : (accounts,) array
            Energies up to the segment's start, in the order of `ACCOUNTS`.
        stored_at_start_J : float
            Stored heat at the start of the simulation.

        Returns
        -------
        times_s : (n,) array
        records : dict of str to (n, ...) array
        """
        shares = solution.shares
        times = segment.start_s + shares * segment.length_s
        u = segment.controls[0] + shares[:, None] * (segment.controls[1] - segment.controls[0])
        ends = segment.disturbances
        d = ends[0] + shares[:, None] * (ends[1] - ends[0])
        p = np.tile(segment.parameters[:, None], (1, len(shares)))
        arguments = (times[None, :], solution.x.T, solution.z.T, u.T, d.T, p)
        mapped = self.dae.out.map(len(shares))
        y = np.asarray(mapped(*arguments)).T
        means = np.diff(solution.heats_J, axis=0) / np.diff(times)[:, None]
        means = np.vstack([means[:1], means])
        for column, place in self._integrated.items():
            y[:, column] = means[:, place]
        records = {
            name: y[:, columns] for name, columns in self._columns.items() if name not in _HIDDEN
        }
        records = self._with_layers(records)
        stored = np.asarray(self.dae.stored_heat.map(len(shares))(*arguments)).ravel()
        left = np.asarray(self.dae.imbalance.map(len(shares))(*arguments))
        energy = booked_J + solution.heats_J @ self.accounts.T
        for place, account in enumerate(ACCOUNTS):
            records[f"energy_{account.value}"] = energy[:, place]
        records["energy_stored"] = stored - stored_at_start_J
        records["energy_residual"] = (
            energy @ np.array([1.0, 1.0, -1.0, -1.0, -1.0]) - records["energy_stored"]
        )
        records["mass_residual"] = np.max(np.abs(left), axis=0, initial=0.0)
        weather = {signal.name: column for column, signal in enumerate(self.dae.d)}
        records["outdoor_temperature"] = d[:, weather["outdoor.temperature"]]
        records["ground_temperature"] = d[:, weather["ground.temperature"]]
        return times, records

    def _with_layers(self, records: dict[str, Floats]) -> dict[str, Floats]:
        """Gather `tank_temperature_i` into (n, tanks, layers); missing layers are NaN."""
        prefix = "tank_temperature_"
        layered = {name: values for name, values in records.items() if name.startswith(prefix)}
        if not layered:
            return records
        rest = {name: values for name, values in records.items() if name not in layered}
        rows = len(next(iter(layered.values())))
        tanks = self.dae.network.tanks
        deepest = max(tank.layers for tank in tanks)
        stacked = np.full((rows, len(tanks), deepest), np.nan)
        for layer in range(deepest):
            having = [place for place, tank in enumerate(tanks) if tank.layers > layer]
            stacked[:, having, layer] = layered[f"{prefix}{layer}"]
        rest["tank_temperature"] = stacked
        return rest
