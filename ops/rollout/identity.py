"""The identity of a file and of a process, independent of their path and process id.

In another mount namespace, a path may name another file; in another process namespace, or later, a process id may name
another process. This module distinguishes them, so that a process that is merely invisible does not count as exited.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STARTED = 19
"""Index of the start time in /proc/PID/stat, counted after the name in parentheses (proc_pid_stat(5), field 22)."""


class FileId(msgspec.Struct, frozen=True):
    """A file, independent of its path."""

    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileId:
        """The identity of a file, from its status."""
        return cls(status.st_dev, status.st_ino)

    @classmethod
    def read(cls, text: str) -> FileId | None:
        """Parses the output of ``text``; None if it is invalid."""
        device, _, inode = text.partition(":")
        return cls(int(device), int(inode)) if device.isdecimal() and inode.isdecimal() else None

    def text(self) -> str:
        """The value for a label."""
        return f"{self.device}:{self.inode}"


class Process(msgspec.Struct, frozen=True):
    """A process. ``started``: clock ticks after boot; ``pids`` and ``mounts``: its namespaces. Empty if unknown."""

    pid: int
    started: str
    pids: str
    mounts: str

    @classmethod
    def read(cls, text: str) -> Process | None:
        """Parses the output of ``text``; None if it is invalid."""
        parts = text.split(" ")
        return cls(int(parts[0]), *parts[1:]) if len(parts) == 4 and parts[0].isdecimal() else None

    def text(self) -> str:
        """The value for a label."""
        return " ".join((str(self.pid), self.started, self.pids, self.mounts))

    def has_exited(self, with_its_files: bool = False) -> bool:
        """Whether this process, on the same machine, knows for certain that the other one has exited.

        ``with_its_files``: also requires that both see the same files.
        """
        here = this_process()
        if not self.started or self.pids != here.pids or (with_its_files and self.mounts != here.mounts):
            return False
        return not runs(self.pid) or _started(self.pid) not in (self.started, None)


def this_process() -> Process:
    """The present process."""
    return Process(os.getpid(), _started(os.getpid()) or "", _namespace("pid"), _namespace("mnt"))


def file_id(path: Path) -> FileId:
    """The identity of the file at a path. Raises OSError."""
    return FileId.of(path.stat())


def machine_id() -> str:
    """Identifies this machine since its last boot. Process ids and open files are valid only on it."""
    try:
        return f"{socket.gethostname()} {_BOOT_ID.read_text().strip()}"
    except OSError:
        return socket.gethostname()


def runs(pid: int) -> bool:
    """Whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> str | None:
    """The start time of a process; empty if it has exited and was not reaped yet, None if unreadable."""
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
