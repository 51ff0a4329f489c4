"""The holder of a lock, and whether its process is still running, as far as this process can see."""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path

import msgspec

from ops.errors import LockHeld
from ops.rollout.identity import FileId, Process, machine_id, runs


class Holder(msgspec.Struct, frozen=True):
    """The holder of a lock. ``since``: the engine's time; ``lease``: seconds left, negative after its end.

    ``file``: the file that it keeps locked; ``file_identity`` and ``process``: identify the file and the process, None
    if an older videa created the marker. ``brief``: it makes one short change, like `videa maintenance`.
    """

    who: str
    command: str
    pid: int
    machine: str
    file: str
    since: datetime
    lease: float
    file_identity: FileId | None = None
    process: Process | None = None
    brief: bool = False

    @property
    def alive(self) -> bool:
        """False if the lease has ended, or if it is certain that the process and its child processes have exited."""
        return self.lease > 0 and not self.exited

    @property
    def exited(self) -> bool:
        """Whether it is certain for this process that the holder and its child processes have exited."""
        if self.machine != machine_id():
            return False
        seen = _look(self.file, self.file_identity)
        gone = seen is _File.GONE and self.process is not None and self.process.has_exited(with_its_files=True)
        return seen is _File.FREE or gone

    @property
    def has_orphans(self) -> bool:
        """Whether the holder has exited, as far as this process can see, and one of its child processes has not."""
        if self.machine != machine_id() or _look(self.file, self.file_identity) is not _File.LOCKED:
            return False
        return self.process.has_exited() if self.process else not runs(self.pid)


def held_by(holder: Holder) -> LockHeld:
    """The error to raise when another process holds the lock."""
    since = holder.since.astimezone(UTC).strftime("%H:%M:%S UTC")
    return LockHeld(
        f"the lock is held by {holder.who}: `{holder.command}` since {since} (process {holder.pid})",
        "wait until it ends; `videa lock status` shows it, `videa abort` aborts a deploy",
    )


class _File(Enum):
    """The state of a holder's file, as this process sees it."""

    LOCKED = auto()
    FREE = auto()
    GONE = auto()
    UNKNOWN = auto()


def _look(path: str, identity: FileId | None) -> _File:
    try:
        with Path(path).open("rb") as file:
            if identity is not None and FileId.of(os.fstat(file.fileno())) != identity:
                return _File.UNKNOWN
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _File.LOCKED
    except FileNotFoundError:
        return _File.GONE
    except OSError:
        return _File.UNKNOWN
    return _File.FREE
