"""What commands leave on disk: everything is written aside first, then moved into place."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexdynnet.errors import Finding, InputError

if TYPE_CHECKING:
    import xarray as xr

    from rexdynnet.study.checkpoint import Keep
    from rexdynnet.study.loop import Run
    from rexdynnet.study.market_session import MarketSession
    from rexdynnet.study.scenario import SimulationScenario
    from rexdynnet.study.validate import Validation

RESULT = "result.nc"
LOG = "run.log"
KPIS = "kpis.json"
LEDGER = "ledger.csv"
JOURNAL = "market.journal"
CHECKPOINT = "checkpoint.npz"
PICTURES = (
    "trajectories",
    "temperatures",
    "flows",
    "heats",
    "pressures",
    "map",
    "space_time",
    "energy_balance",
    "load_duration",
    "tank",
    "commitments",
    "control_inputs",
    "solver_effort",
    "heat_prices",
    "fault_monitor",
    "modes",
    "curtailment",
    "robustness",
    "forward_curves",
    "order_book",
    "inventory",
    "reservations",
    "ledger_by_cause",
    "bills",
    "price_map",
    "flat_bills",
)
_TEMPORARY = ".rexdynnet-"
_KEPT = ".run"


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Collect files in a temporary folder and move them into `out` when all is well.

    Parameters
    ----------
    out : Path
        Made if it does not exist; its other files stay. On an exception nothing in it
        changes.

    Yields
    ------
    Path
        The temporary folder.

    Raises
    ------
    InputError
        `out` cannot be written.
    """
    existed = out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=out, prefix=_TEMPORARY))
    except OSError as error:
        raise InputError(
            Finding(
                f"results cannot be written to {out} ({error.strerror})",
                "give another folder with -o",
                file=out,
            )
        ) from None
    done = False
    try:
        yield folder
        # The result comes last: where it is new, all that belongs to it is there.
        for file in sorted(folder.iterdir(), key=lambda file: file.name == RESULT):
            file.replace(out / file.name)
        done = True
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not done and not existed:
            _remove_if_empty(out)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def write_result(result: xr.Dataset, file: Path) -> None:
    """Write a dataset as compressed NetCDF."""
    encoding = {
        name: {"zlib": True, "complevel": 4, "shuffle": True}
        for name, variable in result.data_vars.items()
        if variable.ndim > 0 and variable.dtype.kind == "f"
    }
    result.to_netcdf(file, engine="h5netcdf", encoding=encoding)


def keep_in(out: Path, *, fresh: bool) -> Keep:
    """Where a closed-loop run into `out` keeps its checkpoints until it is done.

    Parameters
    ----------
    out : Path
    fresh : bool
        Forget what an earlier run left.
    """
    from rexdynnet.study.checkpoint import Keep

    keep = Keep(out / _KEPT)
    if fresh:
        remove_kept(keep)
    return keep


def remove_kept(keep: Keep) -> None:
    """Forget the checkpoints of a run."""
    shutil.rmtree(keep.folder, ignore_errors=True)


def write_figures(done: Run, folder: Path, keep: Keep) -> None:
    """Write a closed-loop run's key figures and, where it had a market, its books."""
    numbers = {**done.kpis.numbers(), "rungs": dict(done.kpis.rungs)}
    if done.market is not None:
        from rexdynnet.study.building_tables import write_flats

        write_flats(done.market, folder)
        done.market.exchange.ledger.to_csv(folder / LEDGER)
        # a copy: a crash from here on still finds the run as it was kept
        shutil.copyfile(keep.journal, folder / JOURNAL)
        numbers |= done.market.figures()
    if "monitor" in done.data.attrs:
        numbers["alarms"] = len(done.alarms)
    (folder / KPIS).write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


def told(done: Run) -> list[str]:
    """What a person wants to read of a closed-loop run."""
    from rexdynnet.study.figures import describe_run

    lines = [f"{describe_run(done.data)}, controller {done.data.attrs['controller']}"]
    lines += [f"  {line}" for line in done.kpis.lines()]
    lines += [f"  {line}" for line in done.data.attrs.get("monitor", "").splitlines()]
    lines += done.supervision.lines() if done.supervision is not None else ()
    lines += done.market.text() if done.market is not None else ()
    return lines


def read_result(out: Path) -> xr.Dataset:
    """Load the result of a run.

    Parameters
    ----------
    out : Path
        The folder that `simulate` wrote, or a NetCDF file.

    Raises
    ------
    InputError
        There is no result, or it is not one of ours.
    """
    import xarray as xr

    file = out if out.is_file() else out / RESULT
    if not file.is_file():
        raise InputError(
            Finding(
                f"{out} holds no result",
                "run `rexdynnet simulate SCENARIO -o OUT` first and name its folder",
                file=file,
            )
        )
    try:
        result = xr.load_dataset(file, engine="h5netcdf")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            Finding(f"the file is no NetCDF result ({error})", "simulate again", file=file)
        ) from None
    if "node_temperature" not in result:
        raise InputError(
            Finding("the file has no node_temperature", "name a result of `simulate`", file=file)
        )
    return result


Picture = Callable[["xr.Dataset"], Any]


def demo_pictures() -> dict[str, Picture]:
    """The pictures that `simulate` makes, by file name."""
    from rexdynnet import plot

    return {
        "trajectories.png": plot.overview,
        "trajectories.svg": plot.overview,
        "map.png": plot.network_map,
        "load_duration.png": plot.load_duration_curve,
    }


def loop_pictures(result: xr.Dataset) -> dict[str, Picture]:
    """The pictures that `run` makes, by file name."""
    known = all_pictures(result)
    first = (
        "modes",
        "curtailment",
        "robustness",
        "commitments",
        "control_inputs",
        "solver_effort",
        "heat_prices",
        "fault_monitor",
        "trajectories",
        "tank",
        "forward_curves",
        "order_book",
        "inventory",
        "reservations",
        "ledger_by_cause",
        "bills",
        "price_map",
        "flat_bills",
    )
    return {f"{name}.png": known[name] for name in first if name in known}


def books(out: Path, market: MarketSession | None) -> list[Path]:
    """What a run's market left in its folder."""
    from rexdynnet.study.building_tables import FLATS, building_ledgers

    if market is None:
        return []
    flats = [*building_ledgers(out), out / FLATS] if market.buildings.books else []
    return [out / LEDGER, *flats, out / JOURNAL]


def audited(ledger: Path) -> dict[str, dict[str, int]]:
    """Add up a ledger, or all ledgers of a run's folder; raises where they do not agree.

    Parameters
    ----------
    ledger : Path

    Returns
    -------
    dict of str to dict of str to int
        By ledger, what every account stands at in µEUR; the area's ledger comes first.
    """
    from rexdynnet.market.building_book import check_mirror
    from rexdynnet.market.ledger import audit_csv
    from rexdynnet.study.building_tables import building_ledgers

    area = ledger / LEDGER if ledger.is_dir() else ledger
    balances = audit_csv(area)
    found = {area.name: dict(balances)}
    for path in building_ledgers(ledger) if ledger.is_dir() else ():
        own = audit_csv(path)
        place = check_mirror(balances, own, path)
        found[f"{path.name}: the account of {place}, passed on"] = dict(own)
    return found


def balance_lines(ledgers: Mapping[str, Mapping[str, int]]) -> list[str]:
    """What every account of `audited` stands at, for people."""
    lines: list[str] = []
    for name, balances in ledgers.items():
        width = max(map(len, balances), default=0)
        whole = {**balances, "sum": sum(balances.values())}
        lines += ["", name] if lines else []
        for each, uEUR in whole.items():
            note = "  of units not settled or trued up yet" if each == "maker" and uEUR else ""
            lines.append(f"{each:{width}} {uEUR / 1e6:16.6f} EUR{note}")
    return lines


def numbers_of(done: Run) -> dict[str, float]:
    """A closed-loop run's key figures, and its market's where it had one."""
    market = {} if done.market is None else done.market.figures()
    return {**done.kpis.numbers(), **market}


def summary(
    scenario: SimulationScenario, figures: Mapping[str, Any], seconds: float, files: list[Path]
) -> str:
    """What a machine wants to read of a run, as JSON; what is no number is null."""
    plain = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in figures.items()
    }
    told = {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "figures": plain,
        "seconds": round(seconds, 3),
        "files": [str(file) for file in files],
    }
    return json.dumps(told, indent=1, allow_nan=False)


def remove_pictures(out: Path) -> None:
    """Delete the pictures of an earlier result, which would now belie the new one."""
    for stem in PICTURES:
        for suffix in (".png", ".svg"):
            (out / f"{stem}{suffix}").unlink(missing_ok=True)


def all_pictures(result: xr.Dataset) -> dict[str, Picture]:
    """Every picture that a result has the data for, by file stem."""
    from rexdynnet import plot

    pictures: dict[str, Picture] = {
        "trajectories": plot.overview,
        "temperatures": plot.temperatures,
        "flows": plot.flows,
        "heats": plot.heats,
        "pressures": plot.pressures_along_route,
        "map": plot.network_map,
        "space_time": plot.space_time,
        "energy_balance": plot.energy_balance,
        "load_duration": plot.load_duration_curve,
    }
    if "tank_temperature" in result:
        pictures["tank"] = plot.tank
    if "control_input" in result:
        pictures["control_inputs"] = plot.control_inputs
        pictures["solver_effort"] = plot.solver_effort
    if "unit_reserved_energy" in result:
        pictures["commitments"] = plot.commitments
    if "forward_ask" in result:
        pictures |= {
            "forward_curves": plot.forward_curves,
            "order_book": plot.order_book,
            "inventory": plot.inventory,
            "reservations": plot.reservations,
            "ledger_by_cause": plot.ledger_by_cause,
            "bills": plot.bills,
            "price_map": plot.price_map,
        }
    if "flat_cost" in result:
        pictures["flat_bills"] = plot.flat_bills
    if "heat_price" in result:
        pictures["heat_prices"] = plot.heat_prices
    if "monitor_innovation" in result:
        pictures["fault_monitor"] = plot.fault_monitor
    if result.sizes.get("safety_event", 0):
        pictures["modes"] = plot.modes
        pictures["curtailment"] = plot.curtailment
    if "monitor_robustness_over_time" in result:
        pictures["robustness"] = plot.robustness
    return pictures


def write_log(file: Path, run: SimulationScenario, lines: list[str], seconds: float) -> None:
    """Write what a run said, with what it takes to reproduce it."""
    from datetime import UTC, datetime

    from rexdynnet import __version__

    head = [
        f"rexdynnet {__version__}",
        f"written {datetime.now(UTC).isoformat(timespec='seconds')}",
        f"scenario {run.source}",
        f"scenario hash {run.hash}",
        f"seed {run.seed}",
        f"simulated in {seconds:.2f} s",
    ]
    file.write_text("\n".join([*head, *lines, ""]), encoding="utf-8")


def write_predictions(found: Validation, out: Path) -> None:
    """Draw what was measured beside what was predicted, one picture for each sensor."""
    from rexdynnet.plot import measured_against_predicted

    with staged(out) as folder:
        for one in found.predictions:
            figure = measured_against_predicted(
                one.time_s,
                one.measured_K,
                one.predicted_K,
                title=f"{one.case}: {one.sensor}",
                from_s=one.skip_s,
            )
            figure.savefig(folder / f"{one.case}_{one.sensor}.png")


def default_cases() -> Path:
    """Folder of measured cases beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "validation"
    for folder in (Path("../shared/validation"), beside):
        if folder.is_dir():
            return folder
    raise InputError(
        Finding(
            "there is no folder ../shared/validation beside the checkout",
            "name a folder of cases with --data",
        )
    )
