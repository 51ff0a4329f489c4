"""Who holds a lock, and whether that process still runs, as far as it can be seen from here."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path

from ops.errors import LockHeld
from ops.rollout.identity import FileId, Process, machine_id, runs


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock. ``since``: by the engine's clock; ``lease``: seconds that are left, negative when it ended.

    ``file``: that it keeps locked; ``file_identity`` and ``process``: which file and which process that are, None as an
    older videa did not write it down. ``brief``: it changes one thing and is done, as `videa maintenance` is.
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
        """False when the lease has ended, or when it is known here that the process and its children have exited."""
        return self.lease > 0 and not self.exited

    @property
    def exited(self) -> bool:
        """Whether it is certain, as seen from here, that the process and its child processes have exited."""
        if self.machine != machine_id():
            return False
        seen = _look(self.file, self.file_identity)
        gone = seen is _File.GONE and self.process is not None and self.process.has_exited(with_its_files=True)
        return seen is _File.FREE or gone

    @property
    def left_children(self) -> bool:
        """Whether the process has exited, as seen from here, and a child process of it has not."""
        if self.machine != machine_id() or _look(self.file, self.file_identity) is not _File.LOCKED:
            return False
        return self.process.has_exited() if self.process else not runs(self.pid)


def held_by(holder: Holder) -> LockHeld:
    """The error for whoever wants a lock that another has."""
    since = holder.since.astimezone(UTC).strftime("%H:%M:%S UTC")
    return LockHeld(
        f"{holder.who} is at it: `{holder.command}` since {since} (process {holder.pid})",
        "wait until it has ended; `videa lock status` shows it, `videa abort` stops a deploy",
    )


class _File(Enum):
    """What can be seen of a holder's file from here."""

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
