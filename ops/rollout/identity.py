"""Which file and which process a name and a number meant where they were written down.

A path means another file in another mount namespace, a process id another process in another process namespace, or
later: both are told apart here, so that nobody is taken for dead who only cannot be seen.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STARTED = 19
"""Place of the start time in /proc/PID/stat, counted after the name in parentheses (proc_pid_stat(5), field 22)."""


@dataclass(frozen=True, slots=True)
class FileId:
    """A file, whatever path leads to it."""

    device: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> FileId:
        """Of the file that was asked about."""
        return cls(found.st_dev, found.st_ino)

    @classmethod
    def read(cls, text: str) -> FileId | None:
        """What ``text`` wrote; None when it is not that."""
        device, _, inode = text.partition(":")
        return cls(int(device), int(inode)) if device.isdecimal() and inode.isdecimal() else None

    def text(self) -> str:
        """As a label holds it."""
        return f"{self.device}:{self.inode}"


@dataclass(frozen=True, slots=True)
class Process:
    """A process. ``started``: clock ticks after boot; ``pids`` and ``mounts``: its namespaces. Empty: not known."""

    pid: int
    started: str
    pids: str
    mounts: str

    @classmethod
    def read(cls, text: str) -> Process | None:
        """What ``text`` wrote; None when it is not that."""
        parts = text.split(" ")
        return cls(int(parts[0]), *parts[1:]) if len(parts) == 4 and parts[0].isdecimal() else None

    def text(self) -> str:
        """As a label holds it."""
        return " ".join((str(self.pid), self.started, self.pids, self.mounts))

    def has_exited(self, with_its_files: bool = False) -> bool:
        """Whether it is certain, as seen from a process of the same machine, that this one has exited.

        ``with_its_files``: also that the one that asks sees the same files as it did.
        """
        here = this_process()
        if not self.started or self.pids != here.pids or (with_its_files and self.mounts != here.mounts):
            return False
        return not runs(self.pid) or _started(self.pid) not in (self.started, None)


def this_process() -> Process:
    """The one that asks."""
    return Process(os.getpid(), _started(os.getpid()) or "", _namespace("pid"), _namespace("mnt"))


def file_id(path: Path) -> FileId:
    """Which file a path leads to. Raises OSError."""
    return FileId.of(path.stat())


def machine_id() -> str:
    """Names this machine since its last boot; process ids and open files mean nothing anywhere else."""
    try:
        return f"{socket.gethostname()} {_BOOT_ID.read_text().strip()}"
    except OSError:
        return socket.gethostname()


def runs(pid: int) -> bool:
    """Whether there is a process with this id, whichever."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> str | None:
    """When a process began; empty when it has exited and is not cleared away yet, None when that cannot be seen."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (OSError, ValueError):
        return None
    return "" if state in "ZX" else fields[_STARTED - 1]


def _namespace(kind: str) -> str:
    try:
        return str(Path(f"/proc/self/ns/{kind}").readlink())
    except OSError:
        return ""
