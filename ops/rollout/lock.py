"""One operation at a time on a project, whoever starts it and on whichever machine.

The lock is a marker on the engine: its name can exist once. It says who holds it, for what and since when, and until
when it is valid; a thread of the holder prolongs that. A holder that was killed is found out at once from its own
machine, because an open file that it and its child processes hold is free again, and elsewhere by the lease's end.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path
from typing import TypeAlias

from ops.errors import CONTINUE, EngineError, LockHeld
from ops.interrupts import allowed, held
from ops.models import Record
from ops.platform.ports import Store
from ops.rollout.identity import FileId, Process, file_id, machine_id, runs, this_process
from ops.rollout.operator import whoami

LEASE = 20
"""Seconds that the lock outlives its holder's last sign of life."""

RENEWAL = 4.0
"""Seconds between two signs of life."""

ORPHANS = 60.0
"""Seconds to wait for a compose command whose videa was killed: two of them at once would be in each other's way."""

PREFIX = "videa-lock-"

Clock: TypeAlias = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock. ``since``: by the engine's clock; ``lease``: seconds that are left, negative when it ended.

    ``file``: that it keeps locked; ``file_identity`` and ``process``: which file and which process that are, None as an
    older videa did not write it down.
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


def uptime() -> float:
    """Seconds since the machine was booted, those of a suspend too, by which a lease must not be prolonged."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Lock:
    """The lock of one project, to be held by at most one operation. ``clock``: seconds, goes on during suspend."""

    def __init__(self, store: Store, project: str, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock or uptime
        self._name = f"videa.lock.{project}"  # no service of Compose can have it: its names have no dots

    def status(self) -> Holder | None:
        """Who holds it, alive or not; None when it is free. Raises EngineError."""
        found = self._store.find(self._name)
        return self._holder(found) if found else None

    def at_work(self) -> Holder | None:
        """Who holds it and is alive; None when nobody is at work. Raises EngineError."""
        holder = self.status()
        return holder if holder and holder.alive else None

    def release(self, dry_run: bool = False) -> Holder | None:
        """Clears away the lock of a process that has exited; None when it was free. Raises LockHeld, EngineError.

        ``dry_run``: only finds out whose it is.
        """
        found = self._store.find(self._name)
        if found is None:
            return None
        holder = self._holder(found)
        if holder.alive:
            raise held_by(holder)
        if not dry_run:
            self._store.remove(found.id)
        return holder

    @contextmanager
    def hold(self, command: str) -> Iterator[Lease]:
        """Holds the lock for ``command``, "videa scale 3". Raises LockHeld naming its holder, EngineError."""
        with held(), _own_file() as file:
            lease = self._acquire(command, file)
            lease.start()
            try:
                with allowed():
                    yield lease
            finally:
                file.in_doubt = not lease.end()

    def _acquire(self, command: str, file: _OwnFile) -> Lease:
        labels = {
            "videa.lock.who": whoami(),
            "videa.lock.command": command,
            "videa.lock.pid": str(os.getpid()),
            "videa.lock.machine": machine_id(),
            "videa.lock.file": str(file.path),
            "videa.lock.inode": file_id(file.path).text(),
            "videa.lock.process": this_process().text(),
        }
        offset = self._store.now() - self._clock()
        deadline = self._clock() + ORPHANS
        while True:
            found = self._store.find(self._name)
            if found:
                holder = self._holder(found)
                if holder.alive and not self._is_orphaned(holder, deadline):
                    raise held_by(holder)
                # By its id: whoever took the dead holder's place meanwhile is not touched.
                self._store.remove(found.id)
                if holder.exited and Path(holder.file).name.startswith(PREFIX):
                    with suppress(OSError):
                        Path(holder.file).unlink()
            begun, file.in_doubt = self._clock(), True
            made = self._store.create(self._name, labels, int(begun + offset) + LEASE)
            if made:
                return Lease(self._store, self._name, labels, made, offset, begun + LEASE, self._clock)
            file.in_doubt = False

    def _is_orphaned(self, holder: Holder, deadline: float) -> bool:
        """Waits for the children of a videa that has exited. False: its holder is at work."""
        while holder.left_children and self._clock() < deadline:
            with allowed():
                time.sleep(0.05)
        return holder.exited

    def _holder(self, found: Record) -> Holder:
        labels = found.labels
        return Holder(
            who=labels.get("videa.lock.who", "somebody"),
            command=labels.get("videa.lock.command", "an operation"),
            pid=int(labels.get("videa.lock.pid", 0)),
            machine=labels.get("videa.lock.machine", ""),
            file=labels.get("videa.lock.file", ""),
            since=found.created,
            lease=found.number - self._store.now(),
            file_identity=FileId.read(labels.get("videa.lock.inode", "")),
            process=Process.read(labels.get("videa.lock.process", "")),
        )


class Lease:
    """A lock that is held. ``lost`` once somebody else may have it; the holder is then to stop where it is."""

    def __init__(
        self,
        store: Store,
        name: str,
        labels: dict[str, str],
        marker_id: str,
        offset: float,
        valid_until: float,
        clock: Clock,
    ) -> None:
        self._store, self._name, self._labels, self._id, self._offset = store, name, labels, marker_id, offset
        self._valid_until, self._clock = valid_until, clock
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="videa-lease", daemon=True)
        self._lost = False

    def start(self) -> None:
        """Begins to prolong it."""
        self._thread.start()

    def end(self) -> bool:
        """Gives the lock back; False when the engine does not answer: it then ends by itself."""
        self._ended.set()
        self._thread.join(RENEWAL)
        with suppress(EngineError):
            self._store.remove(self._id)
            return True
        return False

    def check(self) -> None:
        """Raises LockHeld when the lock was lost: the engine did not answer for long, or it was taken away."""
        if self._lost or self._clock() > self._valid_until:
            raise LockHeld(
                "this operation has lost its lock, so it stopped where it was",
                f"see who has it: videa lock status; then {CONTINUE}",
            )

    def _renew(self) -> None:
        while not self._ended.wait(RENEWAL):
            with suppress(EngineError):
                if not self.renew():
                    return

    def renew(self) -> bool:
        """Prolongs it once; False when it cannot be any more. Raises EngineError."""
        now = self._clock()
        if now > self._valid_until:
            return False
        number = int(now + self._offset) + LEASE
        if not self._store.set_number(self._id, number):
            if self._ended.is_set():
                return False
            # `docker container prune` takes it for a leftover.
            made = self._store.create(self._name, self._labels, number)
            if made is None:
                self._lost = True
                return False
            self._id = made
        self._valid_until = now + LEASE
        return True


def held_by(holder: Holder) -> LockHeld:
    """The error for whoever wants a lock that another has."""
    since = holder.since.astimezone(UTC).strftime("%H:%M:%S UTC")
    return LockHeld(
        f"{holder.who} is at it: `{holder.command}` since {since} (process {holder.pid})",
        "wait until it has ended; `videa lock status` shows it, `videa abort` stops a deploy",
    )


@dataclass
class _OwnFile:
    """The file that a holder keeps locked. ``in_doubt``: the engine may have a lock that names it."""

    path: Path
    in_doubt: bool = False


@contextmanager
def _own_file() -> Iterator[_OwnFile]:
    """A locked file. It is left where it is in doubt: that nobody has it open then tells that the lock is free."""
    handle, name = tempfile.mkstemp(prefix=PREFIX)
    file = _OwnFile(Path(name))
    try:
        # Inherited by child processes: the file is in use until the last of them has ended too.
        os.set_inheritable(handle, True)
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield file
    finally:
        if not file.in_doubt:
            file.path.unlink(missing_ok=True)
        os.close(handle)


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
