"""Append-only file of everything the exchange took, written and made durable group by group.

The file is a line that names the market, then groups. Each group is

    length (u32) · CRC-32 of the frames (u32) · CRC-32 of these eight bytes (u32) · frames

and each frame is kind (u8), length (u32), body. A group that a crash cut short ends with the
file, or in zeros where the file system had made room for more; it and nothing else is dropped,
and none of it was acknowledged. Whatever else fails a CRC is damage and is refused.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from enum import IntEnum
from io import FileIO
from pathlib import Path
from struct import Struct
from zlib import crc32

from rexdynnet.errors import Finding, InputError

_SIZES = Struct("<II")
_GROUP = Struct("<III")
_FRAME = Struct("<BI")


class Kind(IntEnum):
    """What a frame holds."""

    ORDER = 1
    CANCEL = 2
    CLOCK = 3
    PRICES = 4
    ENVELOPE = 5
    POSTINGS = 6


class Journal:
    """The file, open for appending.

    Parameters
    ----------
    path : Path
    identity : str
        Names market and rules; a journal of another market is not continued.

    Raises
    ------
    InputError
        The file belongs to another market, is no journal, is damaged, or another exchange has
        it open.
    """

    def __init__(self, path: Path, identity: str) -> None:
        self.path = path
        head = f"reservex 2 {identity}\n".encode()
        self.durable = 0
        """Frames that survive a crash."""
        self.dropped_bytes = 0
        """Length of the group that a crash had cut short."""
        self._frames: list[bytes] = []
        self._past: list[tuple[int, bytes]] = []
        self._file = path.open("ab", buffering=0)
        try:
            _lock(self._file, path)
            end = self._read(head) if path.stat().st_size else 0
            self._end = end
            self.dropped_bytes = path.stat().st_size - end
            self._file.truncate(end)
            if not end:
                self._write(head)
                self._end = len(head)
            os.fsync(self._file.fileno())
        except BaseException:
            self._file.close()
            raise
        _sync_folder(path.parent)

    def _read(self, head: bytes) -> int:
        """Take up what the file holds, and say where its last whole group ends."""
        data = self.path.read_bytes()
        if not data.startswith(head):
            if head.startswith(data):  # the crash came while the head was written
                return 0
            raise InputError(
                Finding(
                    "the journal is of another market or of other rules",
                    "continue it with the rules it began with, or name a new file",
                    file=self.path,
                )
            )
        at = len(head)
        while at < len(data):
            body = _group_at(data, at)
            if body is None:
                if not _cut_short(data, at):
                    raise self._damaged(at)
                break
            frames = list(_frames(body))
            self._past += frames
            self.durable += len(frames)
            at += _GROUP.size + len(body)
        return at

    def _damaged(self, at: int) -> InputError:
        return InputError(
            Finding(
                f"the journal is damaged at byte {at}, and not as a crash cuts a group short",
                "restore the file from a copy; nothing was changed",
                file=self.path,
            )
        )

    def past(self) -> Iterator[tuple[int, bytes]]:
        """Kind and body of every frame found when the file was opened; can be read once."""
        frames, self._past = self._past, []
        yield from frames

    def append(self, kind: int, body: bytes) -> None:
        """Add a frame to the group that waits."""
        self._frames.append(_FRAME.pack(kind, len(body)) + body)

    def append_frame(self, frame: bytes) -> None:
        """Add a frame that already has its head."""
        self._frames.append(frame)

    def commit(self) -> None:
        """Write the group that waits and return once it would survive a loss of power.

        Raises
        ------
        InputError
            The disk is full or fails; nothing of the group is left in the file as far as it can
            be helped, and the journal takes no more.
        """
        if not self._frames:
            return
        group = b"".join(self._frames)
        sizes = _SIZES.pack(len(group), crc32(group))
        try:
            self._write(sizes + crc32(sizes).to_bytes(4, "little") + group)
            os.fdatasync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._end)
            self._file.close()
            raise InputError(
                Finding(
                    f"the journal cannot be written ({error.strerror or error})",
                    "make room or repair the disk, then open the journal again: what was "
                    "acknowledged is in it",
                    file=self.path,
                )
            ) from None
        self._end += _GROUP.size + len(group)
        self.durable += len(self._frames)
        self._frames.clear()

    def _write(self, data: bytes) -> None:
        # an unbuffered write may take less than it was given
        rest = memoryview(data)
        while rest:
            taken = self._file.write(rest)
            rest = rest[taken or 0 :]

    def abandon(self) -> None:
        """Close the file without what waits."""
        self._file.close()

    def close(self) -> None:
        """Commit and close the file."""
        self.commit()
        self._file.close()


def refuse_if_open(path: Path) -> None:
    """Refuse a journal that another exchange writes; nothing happens to one that none does.

    Parameters
    ----------
    path : Path
        It exists.

    Raises
    ------
    InputError
    """
    with path.open("ab", buffering=0) as file:
        _lock(file, path)


def _lock(file: FileIO, path: Path) -> None:
    """Hold the file alone until it is closed; where there are no locks, do without."""
    if sys.platform == "win32":
        return
    from fcntl import LOCK_EX, LOCK_NB, flock

    try:
        flock(file.fileno(), LOCK_EX | LOCK_NB)
    except BlockingIOError:
        raise InputError(
            Finding(
                "another exchange writes this journal",
                "let it end, or name another file",
                file=path,
            )
        ) from None
    except OSError:  # a file system without locks
        return


def _group_at(data: bytes, at: int) -> bytes | None:
    """Frames of the group that begins at a byte; None where it is not whole."""
    if at + _GROUP.size > len(data):
        return None
    length, check, own = _GROUP.unpack_from(data, at)
    if not length or crc32(data[at : at + _SIZES.size]) != own:
        return None
    body = data[at + _GROUP.size : at + _GROUP.size + length]
    return body if len(body) == length and crc32(body) == check else None


def _cut_short(data: bytes, at: int) -> bool:
    """Whether what fails from a byte on is the last group, as a crash leaves it."""
    rest = data[at:]
    written = rest.rstrip(b"\0")
    if len(written) < _GROUP.size:
        return True
    length, _, own = _GROUP.unpack_from(data, at)
    if crc32(rest[: _SIZES.size]) != own:
        return False
    whole = _GROUP.size + length
    # every group is durable before the next is written: only the last can be cut short
    return len(rest) < whole or (len(written) < whole and len(rest) == whole)


def _frames(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(body):
        kind, length = _FRAME.unpack_from(body, at)
        at += _FRAME.size
        yield kind, body[at : at + length]
        at += length


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
