"""The suite `study`: one-day runs by the hundred, against two processes left to themselves.

Blocks of runs alternate between `rexdynnet study` and two plain processes that share the same
seeds, so that what else the machine does meets both. Then the study is killed three times at
random and resumed, and run through a cluster on loopback: tables and trajectories must not
differ in a byte. `REXDYNNET_BENCH_KEEP` names the folder (default `out/bench_study`), from which
a suite that was stopped goes on; empty it when the code has changed. `REXDYNNET_BENCH_RUNS`
makes it shorter for a look.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from rexdynnet.simulation.plant import write_atomically
from rexdynnet.study.bench import Measurement, Sense, Timing
from rexdynnet.study.store import KPIS, StudyFolder

Report = Callable[[str], None]

ROOT = Path(__file__).parents[1]
SCENARIO = ROOT / "models" / "scenarios" / "destest16_two_plants_run.toml"
DURATION = "1d"
RUNS, BLOCK, PROCESSES, KILLS = 200, 100, 2, 3
TARGET = 0.9


@dataclass(frozen=True)
class Spent:
    """Wall-clock and processor time of a block of runs, and the memory of its largest process."""

    elapsed_s: float
    processor_s: float
    memory_MB: float


def measure(report: Report) -> Iterator[Measurement]:
    """Throughput first, then what kills and a cluster change."""
    folder = Path(os.environ.get("REXDYNNET_BENCH_KEEP", "out/bench_study")).absolute()
    seeds = tuple(range(1, 1 + int(os.environ.get("REXDYNNET_BENCH_RUNS", RUNS))))
    folder.mkdir(parents=True, exist_ok=True)
    yield from throughput(folder, seeds, report)
    whole = folder / "study"
    for name, way in (("killed", killed_and_resumed), ("cluster", through_a_cluster)):
        report(f"the same study, {name}")
        out = folder / name
        way(study_file(folder, seeds), out, len(seeds), report)
        files = differing(whole, out)
        yield Measurement(
            f"files that differ from the undisturbed study's, {name}",
            float(len(files)),
            "1",
            Sense.AT_MOST,
            0.0,
            remark=f"{KPIS} and {len(seeds)} trajectories" + "".join(f", {f}" for f in files[:3]),
        )


def throughput(folder: Path, seeds: Sequence[int], report: Report) -> Iterator[Measurement]:
    """Runs per time of the study over that of two independent processes, block by block."""
    blocks: list[tuple[Spent, Spent]] = []
    for number, part in enumerate(np.array_split(np.array(seeds), max(len(seeds) // BLOCK, 1))):
        block = [int(seed) for seed in part]
        kept = folder / f"block_{len(seeds)}_{number}.json"
        upto = seeds[: seeds.index(block[-1]) + 1]
        if not kept.exists():
            _drop(folder / "study", block)
            alone = _spent(lambda block=block: _alone(block))
            file = study_file(folder, upto)
            study = _spent(lambda file=file: _study(file, folder / "study"))
            record = json.dumps([asdict(study), asdict(alone)])
            write_atomically(kept, record.encode())
        study, alone = (Spent(**record) for record in json.loads(kept.read_text()))
        blocks.append((study, alone))
        report(
            f"{len(block)} runs: {study.elapsed_s:.1f} s as a study, {alone.elapsed_s:.1f} s alone"
        )
    ours = Timing(tuple(study.elapsed_s for study, _ in blocks))
    peer = Timing(tuple(alone.elapsed_s for _, alone in blocks))
    how = (
        f"{len(seeds)} runs of {DURATION} of {SCENARIO.stem} in {len(blocks)} blocks, {PROCESSES} "
        f"processes each, start-up, Zarr and Parquet included; {os.getloadavg()[0]:.1f} programs "
        f"running on {os.cpu_count()} processors"
    )
    wall = sum(peer.seconds) / sum(ours.seconds)
    worked = [sum(part.processor_s for part in parts) for parts in zip(*blocks, strict=True)]
    name = "throughput of a study, of that of two independent processes"
    yield Measurement(name, wall, "1", Sense.AT_LEAST, TARGET, ours, peer, how)
    yield Measurement(
        f"{name}, by processor time",
        worked[1] / worked[0],
        "1",
        Sense.AT_LEAST,
        TARGET,
        remark="without what other programs took",
    )
    size = sum(f.stat().st_size for f in (folder / "study").rglob("*") if f.is_file())
    memory = max(study.memory_MB for study, _ in blocks)
    for label, value, unit in (
        ("runs per hour of a study", 3600.0 * len(seeds) / sum(ours.seconds), "1/h"),
        ("processor time per run of a study", worked[0] / len(seeds), "s"),
        ("disk per run of a study", size / len(seeds) / 1e3, "kB"),
        ("memory of the largest process of a study", memory, "MB"),
    ):
        yield Measurement(label, value, unit, Sense.REPORTED)


def killed_and_resumed(file: Path, out: Path, runs: int, report: Report) -> None:
    """Kill a study three times at random instants, then let it finish."""
    draw = np.random.default_rng(runs)
    for number in range(KILLS):
        after = int(draw.integers(number * runs, (number + 1) * runs) // KILLS)
        if _finished(out) > after:
            continue
        process = subprocess.Popen(_command(file, out), cwd=ROOT, stderr=subprocess.DEVNULL)
        while process.poll() is None and _finished(out) <= after:
            time.sleep(0.05)
        time.sleep(float(draw.uniform(0.0, 2.0)))
        process.kill()
        process.wait()
        report(f"killed with {_finished(out)} of {runs} runs done")
    _study(file, out)


def through_a_cluster(file: Path, out: Path, runs: int, report: Report) -> None:
    """Run a study on a scheduler and workers of this machine."""
    distributed = import_module("distributed")
    with distributed.LocalCluster(
        n_workers=PROCESSES, threads_per_worker=1, protocol="tcp://", dashboard_address=None
    ) as cluster:
        report(f"{runs} runs on {cluster.scheduler_address}")
        _run([*_command(file, out), "--cluster", cluster.scheduler_address])


def differing(one: Path, other: Path) -> list[str]:
    """Names of result files that two studies do not share byte for byte; timings do not count."""
    folders = StudyFolder(one), StudyFolder(other)
    names = [{f.name for f in each.trajectories("").parent.iterdir()} for each in folders]
    pairs = [(folders[0].path / KPIS, folders[1].path / KPIS)]
    pairs += [
        (folders[0].trajectories("").parent / n, folders[1].trajectories("").parent / n)
        for n in sorted(names[0] | names[1])
    ]
    return [
        a.name
        for a, b in pairs
        if not a.exists() or not b.exists() or a.read_bytes() != b.read_bytes()
    ]


def study_file(folder: Path, seeds: Sequence[int]) -> Path:
    """Write a study of one-day runs over seeds."""
    file = folder / f"study_{len(seeds)}.toml"
    scenario = os.path.relpath(SCENARIO, folder)
    file.write_text(
        f'format = 1\nscenarios = ["{scenario}"]\nseeds = {list(seeds)}\n\n'
        f'[fixed]\ntime.duration = "{DURATION}"\n',
        encoding="utf-8",
    )
    return file


def one_thread() -> dict[str, str]:
    """Both sides compute with one thread a process."""
    return {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def _drop(study: Path, block: Sequence[int]) -> None:
    """Forget the runs of a block that was broken off: it is measured whole."""
    for record in study.glob("runs/*.json"):
        if json.loads(record.read_text())["seed"] in block:
            record.unlink()


def _command(file: Path, out: Path) -> list[str]:
    head = [sys.executable, "-m", "rexdynnet", "study", str(file), "-o", str(out)]
    return [*head, "--workers", str(PROCESSES)]


def _study(file: Path, out: Path) -> None:
    _run(_command(file, out))


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=one_thread()
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")


def _alone(block: Sequence[int]) -> None:
    """Two plain processes, each with half of the seeds."""
    head = [sys.executable, "-m", "benchmarks.tools.runs_alone", str(SCENARIO), DURATION]
    processes = [
        subprocess.Popen(
            [*head, *map(str, block[part::PROCESSES])],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            env=one_thread(),
        )
        for part in range(PROCESSES)
    ]
    codes = [process.wait() for process in processes]
    if any(codes):
        raise RuntimeError(f"{' '.join(head)} failed")


def _spent(work: Callable[[], None]) -> Spent:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    work()
    elapsed, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(elapsed, worked, after.ru_maxrss / 1e3)


def _finished(out: Path) -> int:
    return len(list(out.glob("runs/*.json")))
