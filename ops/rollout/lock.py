"""Locks that allow one operation and one change at a time on a project, from any process and any machine.

There are two locks. Each is a marker on the engine with a unique name. The *operation lock* is held by the process that
carries out an operation, from start to end, including its waits: a second operation is refused. The *change lock* is
held only during a change. An operation releases it while it waits, so that `videa maintenance` and `videa watch`, which
need only the change lock, are not blocked for an hour. An older videa knows only the change lock, so it may start an
operation while another one waits: it finds the other journal and reports that it replaces it. When the waiting
operation continues, it finds its journal removed and makes no more changes.

A marker records its holder, the command, and the start and end of its validity; a thread of the holder renews it. On
the same machine, a killed holder is detected at once, because the file that it and its child processes locked is
unlocked; on another machine, it is detected when the lease expires.

The change lock has a fencing number (``ops.rollout.fence``), so that the balancer refuses changes of former holders.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ops.interrupts import allowed, held
from ops.models import Record
from ops.platform.ports import Store
from ops.rollout.holder import Holder, held_by
from ops.rollout.identity import FileId, Process, file_id, machine_id, this_process
from ops.rollout.lease import Claim, Clock, Lease
from ops.rollout.operator import whoami

ORPHANS = 60.0
"""Seconds to wait for a compose command whose videa was killed: two such commands at the same time would conflict."""

BRIEF = 30.0
"""Seconds to wait for a brief change such as `videa maintenance on`: longer than nginx takes for a change."""

INTERVAL = 0.05
"""Seconds between two checks while a process waits for another one to end."""

PREFIX = "videa-lock-"


def uptime() -> float:
    """Seconds since the machine was booted, including suspends, because a lease also expires during a suspend."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _pause(seconds: float) -> None:
    """Sleeps; a signal interrupts it."""
    with allowed():
        time.sleep(seconds)


class Lock:
    """The locks of one project. ``clock``: seconds, including suspends."""

    def __init__(self, store: Store, project: str, clock: Clock | None = None) -> None:
        self._store = store
        self._project = project
        self._clock = clock or uptime
        # Names of Compose services have no dots, so they cannot conflict with these.
        self._change, self._operation = f"videa.lock.{project}", f"videa.operation.{project}"

    def status(self) -> Holder | None:
        """The holder of the operation lock or, if it is free, of the change lock, alive or not; None if both are free.

        Raises EngineError.
        """
        holders = [holder for holder in (self._find(self._operation), self._find(self._change)) if holder]
        return next((holder for holder in holders if holder.alive), holders[0] if holders else None)

    def active_holder(self) -> Holder | None:
        """The holder of one of the locks, if it is alive; otherwise None. Raises EngineError."""
        holder = self.status()
        return holder if holder and holder.alive else None

    def change_holder(self) -> Holder | None:
        """The holder of the change lock, if it is alive; otherwise None. Raises EngineError."""
        holder = self._find(self._change)
        return holder if holder and holder.alive else None

    def operation_holder(self) -> Holder | None:
        """The holder of the operation lock, if it is alive; otherwise None. Raises EngineError."""
        holder = self._find(self._operation)
        if holder and holder.alive:
            return holder
        older = self.change_holder()  # an operation of an older videa holds only this lock
        return None if older is None or older.brief else older

    def release(self, dry_run: bool = False) -> Holder | None:
        """Removes the locks of processes that have exited; None if both are free. Raises LockHeld, EngineError.

        ``dry_run``: only returns the holder.
        """
        markers = [marker for name in (self._operation, self._change) if (marker := self._store.find(name))]
        holders = [self._holder(marker) for marker in markers]
        if alive := next((holder for holder in holders if holder.alive), None):
            raise held_by(alive)
        for marker in () if dry_run else markers:
            self._store.remove(marker.id)
        return holders[0] if holders else None

    @contextmanager
    def hold(self, command: str) -> Iterator[Lease]:
        """Holds both locks for an operation such as "videa scale 3".

        Raises LockHeld with the holder if another process has one of them, EngineError.
        """
        with held(), _own_file() as file:
            labels, offset = self._labels(command, file), self._offset()
            operation = self._acquire(self._operation, labels, file, offset)
            try:
                change = self._acquire_change(labels, file, offset)
            except BaseException:
                file.in_use = not operation.release()
                raise
            with self._held(change, operation, labels, file, offset) as lease:
                yield lease

    @contextmanager
    def hold_briefly(self, command: str) -> Iterator[Lease]:
        """Holds the change lock for a brief change, also while an operation waits. Raises LockHeld, EngineError."""
        with held(), _own_file() as file:
            labels, offset = {**self._labels(command, file), "videa.lock.brief": "1"}, self._offset()
            change = self._acquire_change(labels, file, offset)
            with self._held(change, None, labels, file, offset) as lease:
                yield lease

    @contextmanager
    def _held(
        self, change: Claim, operation: Claim | None, labels: Mapping[str, str], file: _OwnFile, offset: float
    ) -> Iterator[Lease]:
        def retake() -> Claim:
            return self._acquire_change(labels, file, offset, pause=time.sleep)

        lease = Lease(change, operation, retake, offset, self._clock)
        for path in file.stale:  # not earlier: both locks of a process name the same file
            with suppress(OSError):
                if path.name.startswith(PREFIX):
                    path.unlink()
        lease.start()
        try:
            with allowed():
                yield lease
        finally:
            file.in_use = not lease.end()

    def _labels(self, command: str, file: _OwnFile) -> dict[str, str]:
        return {
            "videa.lock.who": whoami(),
            "videa.lock.command": command,
            "videa.lock.pid": str(os.getpid()),
            "videa.lock.machine": machine_id(),
            "videa.lock.file": str(file.path),
            "videa.lock.inode": file_id(file.path).text(),
            "videa.lock.process": this_process().text(),
        }

    def _offset(self) -> float:
        """The engine's time minus this machine's clock, in seconds."""
        return self._store.now() - self._clock()

    def _acquire_change(
        self, labels: Mapping[str, str], file: _OwnFile, offset: float, pause: Callable[[float], None] = _pause
    ) -> Claim:
        """Takes the change lock and its fencing number."""
        claim = self._acquire(self._change, labels, file, offset, pause)
        try:
            claim.take_number(self._project)
        except BaseException:
            file.in_use = not claim.release()
            raise
        return claim

    def _acquire(
        self,
        name: str,
        labels: Mapping[str, str],
        file: _OwnFile,
        offset: float,
        pause: Callable[[float], None] = _pause,
    ) -> Claim:
        """Takes a lock. Waits for brief changes, and for the child processes of a videa that has exited."""
        orphans_until, brief_until = self._clock() + ORPHANS, self._clock() + BRIEF
        while True:
            in_use, file.in_use = file.in_use, True
            claim = Claim.make(self._store, name, labels, offset, self._clock)  # without a query: it is usually free
            if claim:
                return claim
            file.in_use = in_use
            marker = self._store.find(name)
            if marker is None:
                continue
            holder = self._holder(marker)
            if holder.alive and holder.brief and self._clock() < brief_until:
                pause(INTERVAL)
                continue
            if holder.alive and not self._await_orphans(holder, orphans_until, pause):
                raise held_by(holder)
            # By id, so that the marker of a new holder is not removed.
            self._store.remove(marker.id)
            if holder.exited:
                file.stale.append(Path(holder.file))

    def _await_orphans(self, holder: Holder, deadline: float, pause: Callable[[float], None]) -> bool:
        """Waits for the child processes of a videa that has exited. False if the holder is still running."""
        while holder.has_orphans and self._clock() < deadline:
            pause(INTERVAL)
        return holder.exited

    def _find(self, name: str) -> Holder | None:
        marker = self._store.find(name)
        return self._holder(marker) if marker else None

    def _holder(self, marker: Record) -> Holder:
        labels = marker.labels
        return Holder(
            who=labels.get("videa.lock.who", "somebody"),
            command=labels.get("videa.lock.command", "an operation"),
            pid=int(labels.get("videa.lock.pid", 0)),
            machine=labels.get("videa.lock.machine", ""),
            file=labels.get("videa.lock.file", ""),
            since=marker.created,
            lease=marker.number - self._store.now(),
            file_identity=FileId.read(labels.get("videa.lock.inode", "")),
            process=Process.read(labels.get("videa.lock.process", "")),
            brief="videa.lock.brief" in labels,
        )


@dataclass
class _OwnFile:
    """The file that a holder keeps locked. ``in_use``: a lock on the engine may name it.

    ``stale``: the files of exited processes whose locks this process has taken over.
    """

    path: Path
    in_use: bool = False
    stale: list[Path] = field(default_factory=list)


@contextmanager
def _own_file() -> Iterator[_OwnFile]:
    """A locked file. It is not removed while a lock may name it: an unlocked file means that the lock is free."""
    handle, name = tempfile.mkstemp(prefix=PREFIX)
    file = _OwnFile(Path(name))
    try:
        # Inherited by child processes: the file stays locked until the last of them has exited.
        os.set_inheritable(handle, True)
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield file
    finally:
        if not file.in_use:
            file.path.unlink(missing_ok=True)
        os.close(handle)
