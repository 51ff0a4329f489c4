"""One operation at a time on a project, whoever starts it and on whichever machine, and one change at a time.

There are two locks, each a marker on the engine, whose name can exist once. The *attendance* is held by whoever carries
out an operation, from its beginning to its end, also while it waits: another one is refused. The *change lock* is held
only while something is changed. An operation that waits gives it back, so that `videa maintenance` and `videa watch`,
which need no more than it, are not shut out for an hour. An older videa knows the change lock only. It may begin an
operation while another waits: it finds that one's journal, and says that it takes its place; the one that waited finds
the journal gone when it goes on, and stops where it is.

A marker says who holds it, for what and since when, and until when it is valid; a thread of the holder prolongs that. A
holder that was killed is found out at once from its own machine, because an open file that it and its child processes
hold is free again, and elsewhere by the lease's end.
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
"""Seconds to wait for a compose command whose videa was killed: two of them at once would be in each other's way."""

BRIEF = 30.0
"""Seconds to wait for what is brief, such as `videa maintenance on`: more than nginx takes for a change."""

LOOK = 0.05
"""Seconds between two looks while one waits for another to end."""

PREFIX = "videa-lock-"


def uptime() -> float:
    """Seconds since the machine was booted, those of a suspend too, by which a lease must not be prolonged."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _pause(seconds: float) -> None:
    """Waits; a signal ends it."""
    with allowed():
        time.sleep(seconds)


class Lock:
    """The locks of one project. ``clock``: seconds, goes on during suspend."""

    def __init__(self, store: Store, project: str, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock or uptime
        # No service of Compose can have such a name: its names have no dots.
        self._change, self._attendance = f"videa.lock.{project}", f"videa.operation.{project}"

    def status(self) -> Holder | None:
        """Who carries out an operation or else changes something, alive or not; None when both are free.

        Raises EngineError.
        """
        holders = [holder for holder in (self._look(self._attendance), self._look(self._change)) if holder]
        return next((holder for holder in holders if holder.alive), holders[0] if holders else None)

    def at_work(self) -> Holder | None:
        """Who carries out an operation or changes something, and is alive; None for nobody. Raises EngineError."""
        holder = self.status()
        return holder if holder and holder.alive else None

    def changing(self) -> Holder | None:
        """Who changes something at this moment; None for nobody. Raises EngineError."""
        holder = self._look(self._change)
        return holder if holder and holder.alive else None

    def attendant(self) -> Holder | None:
        """Who carries out an operation, be it that it waits; None for nobody. Raises EngineError."""
        holder = self._look(self._attendance)
        if holder and holder.alive:
            return holder
        older = self.changing()  # an older videa, whose operations hold nothing else
        return None if older is None or older.brief else older

    def release(self, dry_run: bool = False) -> Holder | None:
        """Clears away the locks of processes that have exited; None when they were free. Raises LockHeld, EngineError.

        ``dry_run``: only finds out whose they are.
        """
        found = [each for name in (self._attendance, self._change) if (each := self._store.find(name))]
        holders = [self._holder(each) for each in found]
        if alive := next((holder for holder in holders if holder.alive), None):
            raise held_by(alive)
        for each in () if dry_run else found:
            self._store.remove(each.id)
        return holders[0] if holders else None

    @contextmanager
    def hold(self, command: str) -> Iterator[Lease]:
        """Holds both for an operation, "videa scale 3". Raises LockHeld naming who has one of them, EngineError."""
        with held(), _own_file() as file:
            labels, offset = self._labels(command, file), self._offset()
            attendance = self._acquire(self._attendance, labels, file, offset)
            try:
                change = self._acquire(self._change, labels, file, offset)
            except BaseException:
                file.in_doubt = not attendance.give_back()
                raise
            with self._held(change, attendance, labels, file, offset) as lease:
                yield lease

    @contextmanager
    def hold_briefly(self, command: str) -> Iterator[Lease]:
        """Holds the change lock for what is brief, also while an operation waits. Raises LockHeld, EngineError."""
        with held(), _own_file() as file:
            labels, offset = {**self._labels(command, file), "videa.lock.brief": "1"}, self._offset()
            change = self._acquire(self._change, labels, file, offset)
            with self._held(change, None, labels, file, offset) as lease:
                yield lease

    @contextmanager
    def _held(
        self, change: Claim, attendance: Claim | None, labels: Mapping[str, str], file: _OwnFile, offset: float
    ) -> Iterator[Lease]:
        def retake() -> Claim:
            return self._acquire(self._change, labels, file, offset, pause=time.sleep)

        lease = Lease(change, attendance, retake, offset, self._clock)
        for path in file.outlived:  # only now, as both locks of a process name one file
            with suppress(OSError):
                if path.name.startswith(PREFIX):
                    path.unlink()
        lease.start()
        try:
            with allowed():
                yield lease
        finally:
            file.in_doubt = not lease.end()

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
        """The engine's time minus this machine's clock."""
        return self._store.now() - self._clock()

    def _acquire(
        self,
        name: str,
        labels: Mapping[str, str],
        file: _OwnFile,
        offset: float,
        pause: Callable[[float], None] = _pause,
    ) -> Claim:
        """Takes one of the two; waits for what is brief, and for the children of a videa that has exited."""
        orphaned, brief = self._clock() + ORPHANS, self._clock() + BRIEF
        while True:
            doubtful, file.in_doubt = file.in_doubt, True
            made = Claim.make(self._store, name, labels, offset, self._clock)  # at once: it is most often free
            if made:
                return made
            file.in_doubt = doubtful
            found = self._store.find(name)
            if found is None:
                continue
            holder = self._holder(found)
            if holder.alive and holder.brief and self._clock() < brief:
                pause(LOOK)
                continue
            if holder.alive and not self._is_orphaned(holder, orphaned, pause):
                raise held_by(holder)
            # By its id: whoever took the dead holder's place meanwhile is not touched.
            self._store.remove(found.id)
            if holder.exited:
                file.outlived.append(Path(holder.file))

    def _is_orphaned(self, holder: Holder, deadline: float, pause: Callable[[float], None]) -> bool:
        """Waits for the children of a videa that has exited. False: its holder is at work."""
        while holder.left_children and self._clock() < deadline:
            pause(LOOK)
        return holder.exited

    def _look(self, name: str) -> Holder | None:
        found = self._store.find(name)
        return self._holder(found) if found else None

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
            brief="videa.lock.brief" in labels,
        )


@dataclass
class _OwnFile:
    """The file that a holder keeps locked. ``in_doubt``: the engine may have a lock that names it.

    ``outlived``: those of the processes that have exited and whose locks were taken over.
    """

    path: Path
    in_doubt: bool = False
    outlived: list[Path] = field(default_factory=list)


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
