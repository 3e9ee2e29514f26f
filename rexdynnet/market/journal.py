"""Append-only file of everything the exchange took, written and made durable group by group.

The file is a line that names the market, then groups. Each group is

    length (u32) · CRC-32 (u32) · frames

and each frame is kind (u8), length (u32), body. A group that a crash cut short fails its
length or its CRC; it and nothing else is dropped, and none of it was acknowledged.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from struct import Struct
from zlib import crc32

from rexdynnet.errors import Finding, InputError

_GROUP = Struct("<II")
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
        The file belongs to another market, or is no journal.
    """

    def __init__(self, path: Path, identity: str) -> None:
        self.path = path
        head = f"reservex 1 {identity}\n".encode()
        self.durable = 0
        """Frames that survive a crash."""
        self.dropped_bytes = 0
        """Length of the group that a crash had cut short."""
        self._frames: list[bytes] = []
        self._past: list[tuple[int, bytes]] = []
        if path.exists() and path.stat().st_size:
            good = self._read(head)
            self.dropped_bytes = path.stat().st_size - good
            self._file = path.open("r+b", buffering=0)
            self._file.truncate(good)
            self._file.seek(good)
        else:
            self._file = path.open("wb", buffering=0)
            self._file.write(head)
        os.fsync(self._file.fileno())
        _sync_folder(path.parent)

    def _read(self, head: bytes) -> int:
        data = self.path.read_bytes()
        if not data.startswith(head):
            if head.startswith(data):  # the crash came while the head was written
                self.path.write_bytes(head)
                return len(head)
            raise InputError(
                Finding(
                    "the journal is of another market or of other rules",
                    "continue it with the rules it began with, or name a new file",
                    file=self.path,
                )
            )
        at = len(head)
        while at + _GROUP.size <= len(data):
            length, check = _GROUP.unpack_from(data, at)
            body = data[at + _GROUP.size : at + _GROUP.size + length]
            if not length or len(body) < length or crc32(body) != check:
                self._refuse_damage(data, at, length)
                break
            frames = list(_frames(body))
            self._past += frames
            self.durable += len(frames)
            at += _GROUP.size + length
        return at

    def _refuse_damage(self, data: bytes, at: int, length: int) -> None:
        # every group is durable before the next is written: only the last can be cut short
        if at + _GROUP.size + length < len(data) and any(data[at:]):
            raise InputError(
                Finding(
                    f"the journal is damaged at byte {at}, before its last group",
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
        """Write the group that waits and return once it would survive a loss of power."""
        if not self._frames:
            return
        group = b"".join(self._frames)
        self._file.write(_GROUP.pack(len(group), crc32(group)) + group)
        os.fdatasync(self._file.fileno())
        self.durable += len(self._frames)
        self._frames.clear()

    def abandon(self) -> None:
        """Close the file without what waits."""
        self._file.close()

    def close(self) -> None:
        """Commit and close the file."""
        self.commit()
        self._file.close()


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
