"""One operation at a time on a project, whoever starts it and on whichever machine.

The lock is a marker on the engine: its name can exist once. It says who holds it, for what and since when, and until
when it is valid; a thread of the holder prolongs that. A holder that was killed is found out at once from its own
machine, because an open file that it and its child processes hold is free again, and elsewhere by the lease's end.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.engine import marker
from ops.engine.client import Engine
from ops.errors import EngineError, LockHeld
from ops.rollout.operator import whoami

LEASE = 20
"""Seconds that the lock outlives its holder's last sign of life."""

RENEWAL = 4.0
"""Seconds between two signs of life."""

ORPHANS = 60.0
"""Seconds to wait for a compose command whose videa was killed: two of them at once would be in each other's way."""

PREFIX = "videa-lock-"

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock. ``since``: by the engine's clock; ``lease``: seconds that are left, negative when it ended."""

    who: str
    command: str
    pid: int
    machine: str
    file: str
    since: datetime
    lease: float

    @property
    def alive(self) -> bool:
        """False when the lease has ended, or when it is a process of this machine that is no more."""
        return self.lease > 0 and not (self.machine == machine_id() and _is_free(self.file))


class Lock:
    """The lock of one project, to be held by at most one operation."""

    def __init__(self, engine: Engine, project: str) -> None:
        self._engine = engine
        self._name = f"videa.lock.{project}"  # no service of Compose can have it: its names have no dots

    def status(self) -> Holder | None:
        """Who holds it, alive or not; None when it is free. Raises EngineError."""
        found = marker.find(self._engine, self._name)
        return self._holder(found) if found else None

    def at_work(self) -> Holder | None:
        """Who holds it and is alive; None when nobody is at work. Raises EngineError."""
        holder = self.status()
        return holder if holder and holder.alive else None

    def release(self, dry_run: bool = False) -> Holder | None:
        """Clears away the lock of a holder that is no more; None when it was free. Raises LockHeld, EngineError.

        ``dry_run``: only finds out whose it is.
        """
        found = marker.find(self._engine, self._name)
        if found is None:
            return None
        holder = self._holder(found)
        if holder.alive:
            raise held(holder)
        if not dry_run:
            marker.remove(self._engine, found.id)
        return holder

    @contextmanager
    def hold(self, command: str) -> Iterator[Lease]:
        """Holds the lock for ``command``, "videa scale 3". Raises LockHeld naming its holder, EngineError."""
        handle, name = tempfile.mkstemp(prefix=PREFIX)
        file = Path(name)
        # Inherited by child processes: the file is in use until the last of them has ended too.
        os.set_inheritable(handle, True)
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            lease = self._acquire(command, str(file))
            lease.start()
            try:
                yield lease
            finally:
                lease.end()
        finally:
            file.unlink(missing_ok=True)
            os.close(handle)

    def _acquire(self, command: str, file: str) -> Lease:
        labels = {
            "videa.lock.who": whoami(),
            "videa.lock.command": command,
            "videa.lock.pid": str(os.getpid()),
            "videa.lock.machine": machine_id(),
            "videa.lock.file": file,
        }
        offset = marker.engine_time(self._engine) - time.monotonic()
        deadline = time.monotonic() + ORPHANS
        while True:
            found = marker.find(self._engine, self._name)
            if found:
                holder = self._holder(found)
                if holder.alive and not self._is_orphaned(holder, deadline):
                    raise held(holder)
                # By its id: whoever took the dead holder's place meanwhile is not touched.
                marker.remove(self._engine, found.id)
                if holder.machine == machine_id() and Path(holder.file).name.startswith(PREFIX):
                    with suppress(OSError):
                        Path(holder.file).unlink()
            made = marker.create(self._engine, self._name, labels, int(time.monotonic() + offset) + LEASE)
            if made:
                return Lease(self._engine, self._name, labels, made, offset)

    def _is_orphaned(self, holder: Holder, deadline: float) -> bool:
        """Waits for the children of a videa of this machine that is no more. False: its holder is at work."""
        if holder.machine != machine_id() or not holder.file or _runs(holder.pid):
            return False
        while not _is_free(holder.file) and time.monotonic() < deadline:
            time.sleep(0.05)
        return _is_free(holder.file)

    def _holder(self, found: marker.Marker) -> Holder:
        labels = found.labels
        return Holder(
            who=labels.get("videa.lock.who", "somebody"),
            command=labels.get("videa.lock.command", "an operation"),
            pid=int(labels.get("videa.lock.pid", 0)),
            machine=labels.get("videa.lock.machine", ""),
            file=labels.get("videa.lock.file", ""),
            since=found.created,
            lease=found.number - marker.engine_time(self._engine),
        )


class Lease:
    """A lock that is held. ``lost`` once somebody else may have it; the holder is then to stop where it is."""

    def __init__(self, engine: Engine, name: str, labels: dict[str, str], marker_id: str, offset: float) -> None:
        self._engine, self._name, self._labels, self._id, self._offset = engine, name, labels, marker_id, offset
        self._valid_until = time.monotonic() + LEASE
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="videa-lease", daemon=True)
        self._lost = False

    def start(self) -> None:
        """Begins to prolong it."""
        self._thread.start()

    def end(self) -> None:
        """Gives the lock back."""
        self._ended.set()
        self._thread.join()
        with suppress(EngineError):  # it then ends by itself
            marker.remove(self._engine, self._id)

    def check(self) -> None:
        """Raises LockHeld when the lock was lost: the engine did not answer for long, or it was taken away."""
        if self._lost or time.monotonic() > self._valid_until:
            raise LockHeld(
                "this operation has lost its lock, so it stopped where it was",
                "see who has it: videa lock status; then finish or put back: videa deploy --resume or --abort",
            )

    def _renew(self) -> None:
        while not self._ended.wait(RENEWAL):
            now = time.monotonic()
            if now > self._valid_until:
                return
            number = int(now + self._offset) + LEASE
            with suppress(EngineError):
                if not marker.set_number(self._engine, self._id, number):
                    # `docker container prune` takes it for a leftover.
                    made = marker.create(self._engine, self._name, self._labels, number)
                    if made is None:
                        self._lost = True
                        return
                    self._id = made
                self._valid_until = now + LEASE


def held(holder: Holder) -> LockHeld:
    """The error for whoever wants a lock that another has."""
    since = holder.since.astimezone(UTC).strftime("%H:%M:%S UTC")
    return LockHeld(
        f"{holder.who} is at it: `{holder.command}` since {since} (process {holder.pid})",
        "wait until it has ended; `videa lock status` shows it, `videa abort` stops a deploy",
    )


def machine_id() -> str:
    """Names this machine since its last boot; process ids and open files mean nothing anywhere else."""
    try:
        return f"{socket.gethostname()} {_BOOT_ID.read_text().strip()}"
    except OSError:
        return socket.gethostname()


def _is_free(path: str) -> bool:
    """Whether nobody has the file open that a holder keeps locked; False when that cannot be known."""
    try:
        with Path(path).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
