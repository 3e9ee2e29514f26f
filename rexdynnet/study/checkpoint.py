"""Checkpoints of a run: all that moves, with references to what a new start builds again."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from rexdynnet import __version__
from rexdynnet.errors import Finding, InputError
from rexdynnet.market.journal import refuse_if_open

_PLAIN = (str, bytes, int, float, bool, complex, type(None))
_DEPTH = 14


class Fixed:
    """What does not move in a run: models, plants, networks, whatever cannot be stored.

    Parameters
    ----------
    roots : mapping of str to object
        From which everything is reached that the package built before the first step.
        What moves must not be reached from them.

    Notes
    -----
    A stored object refers to a fixed one by the attributes that lead to it, so that it finds
    the one that the next start builds from the same scenario.
    """

    def __init__(self, roots: Mapping[str, object]) -> None:
        self.found: dict[str, object] = {}
        self._paths: dict[int, str] = {}
        for name, root in roots.items():
            for path, each in _reached(name, root, set(self._paths)):
                self.found[path] = each
                self._paths[id(each)] = path

    def path(self, each: object) -> str | None:
        """Where a fixed object stands; None for what moves."""
        return self._paths.get(id(each))


@dataclass(frozen=True)
class Keep:
    """Where a run keeps what it needs to go on after a crash.

    Parameters
    ----------
    folder : Path
        Of this run alone.
    every_s : float
        Wall-clock seconds between two checkpoints, at least.
    """

    folder: Path
    every_s: float = 5.0

    @property
    def journal(self) -> Path:
        """Of the market's exchange."""
        return self.folder / "market.journal"

    @property
    def checkpoint(self) -> Path:
        """The newest."""
        return self.folder / "run.checkpoint"


class Keeper:
    """Writes the checkpoints of one run and takes up the last.

    Parameters
    ----------
    keep : Keep
    what : object
        What the run is of; a checkpoint of something else, or of another version of the
        package, is not taken up, and its journal starts anew.

    Raises
    ------
    InputError
        The folder cannot be written, or its checkpoint is damaged.
    """

    def __init__(self, keep: Keep, what: object) -> None:
        self.keep = keep
        self._key = sha256(pickle.dumps((what, __version__))).hexdigest()
        self._last = monotonic()
        self._found = _read(keep.checkpoint)
        if self._found is not None and self._found.key != self._key:
            self._found = None
        try:
            keep.folder.mkdir(parents=True, exist_ok=True)
            # what the journal took after the checkpoint is traded again
            if keep.journal.exists():
                refuse_if_open(keep.journal)
                os.truncate(keep.journal, self._found.journal_bytes if self._found else 0)
                if self._found is None:
                    keep.journal.unlink()
        except OSError as error:
            raise InputError(
                Finding(
                    f"a run cannot be kept in {keep.folder} ({error.strerror})",
                    "give another folder",
                    file=keep.folder,
                )
            ) from None

    @property
    def journal(self) -> Path:
        """Of the market's exchange, as it was at the checkpoint."""
        return self.keep.journal

    def load(self, fixed: Fixed) -> object:
        """All that moved at the last checkpoint; None where there is none.

        Parameters
        ----------
        fixed : Fixed
            Of the run as it has just been built again.
        """
        if self._found is None:
            return None
        reader = _Reader(io.BytesIO(self._found.content))
        reader.fixed = fixed
        try:
            return reader.load()
        except _DAMAGE as error:
            raise _damaged(self.keep.checkpoint, error) from None

    @property
    def due(self) -> bool:
        """Whether the last checkpoint is old enough for another."""
        return monotonic() - self._last >= self.keep.every_s

    def save(self, moving: object, fixed: Fixed) -> None:
        """Write a checkpoint, whole or not at all; what the journal took is durable by now.

        Parameters
        ----------
        moving : object
        fixed : Fixed

        Raises
        ------
        InputError
            Something that moves cannot be stored, or the disk is full.
        """
        journal = self.keep.journal
        size = journal.stat().st_size if journal.exists() else 0
        kept = _Kept(self._key, size, _stored(moving, fixed))
        part = self.keep.checkpoint.with_suffix(".part")
        try:
            with part.open("wb") as out:
                pickle.dump(tuple(kept), out)
                out.flush()
                os.fsync(out.fileno())
            part.replace(self.keep.checkpoint)
        except OSError as error:
            raise InputError(
                Finding(
                    f"the checkpoint cannot be written ({error.strerror})",
                    "make room and start the run again: it goes on from the last checkpoint",
                    file=self.keep.checkpoint,
                )
            ) from None
        self._last = monotonic()


class _Kept(NamedTuple):
    key: str
    journal_bytes: int
    content: bytes


_DAMAGE = (pickle.UnpicklingError, EOFError, AttributeError, KeyError, ValueError, TypeError)


def _stored(moving: object, fixed: Fixed) -> bytes:
    buffer = io.BytesIO()
    writer = _Writer(buffer, protocol=pickle.HIGHEST_PROTOCOL)
    writer.fixed = fixed
    try:
        writer.dump(moving)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InputError(
            Finding(
                f"the run cannot be stored ({error})",
                "let a controller's state be plain data, or run without checkpoints",
            )
        ) from None
    return buffer.getvalue()


def _read(file: Path) -> _Kept | None:
    if not file.exists():
        return None
    try:
        return _Kept(*pickle.loads(file.read_bytes()))
    except _DAMAGE as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: Exception) -> InputError:
    return InputError(
        Finding(f"the checkpoint cannot be read ({error})", "delete it to start over", file=file)
    )


class _Writer(pickle.Pickler):
    fixed: Fixed

    def persistent_id(self, obj: object) -> str | None:
        return None if isinstance(obj, _PLAIN) else self.fixed.path(obj)


class _Reader(pickle.Unpickler):
    fixed: Fixed

    def persistent_load(self, pid: Any) -> object:
        return self.fixed.found[pid]


def _reached(
    path: str, each: object, seen: set[int], depth: int = 0
) -> Iterator[tuple[str, object]]:
    if isinstance(each, _PLAIN) or id(each) in seen or depth > _DEPTH or isinstance(each, type):
        return
    seen.add(id(each))
    module = type(each).__module__.partition(".")[0]
    if module in ("rexdynnet", "casadi"):
        yield path, each
    if module == "casadi":
        return
    inside: Iterator[tuple[str, object]]
    if isinstance(each, Mapping):
        inside = ((f"[{key}]", value) for key, value in each.items())
    elif isinstance(each, (tuple, list)):
        inside = ((f"[{at}]", value) for at, value in enumerate(each))
    elif module == "rexdynnet":
        inside = ((f".{name}", value) for name, value in _vars_of(each).items())
    else:
        return
    for step, value in inside:
        yield from _reached(path + step, value, seen, depth + 1)


def _vars_of(each: object) -> dict[str, object]:
    """Attributes of an object, slots included."""
    found = dict(getattr(each, "__dict__", {}))
    for kind in type(each).__mro__:
        for name in getattr(kind, "__slots__", ()):
            if hasattr(each, name):
                found[name] = getattr(each, name)
    return found
