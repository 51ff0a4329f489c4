"""The record of the process that watches a project. Only one may, so that two do not undo each other's changes."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ops.models import Record
from ops.platform.ports import Store
from ops.rollout.operator import whoami

ROUNDS = 3
SHORTEST = 30
"""After the last round, a record is valid for this number of rounds, and at least this number of seconds."""

_WHO, _COMMAND, _HOST, _PID, _VERSION, _LEASE = (
    f"videa.watcher.{each}" for each in ("who", "command", "host", "pid", "version", "lease")
)


@dataclass(frozen=True, slots=True)
class Watching:
    """The process that watches. ``since``: the engine's time; ``last_round``: Unix time; ``lease``: seconds after it
    until the process counts as gone; ``host``: host name, in a container the first part of the container's id.
    """

    who: str
    command: str
    host: str
    pid: int
    version: str
    since: datetime
    last_round: float
    lease: int

    def alive(self, now: float) -> bool:
        """Whether its record is valid at ``now``, Unix time of the engine."""
        return self.last_round + self.lease > now

    def __str__(self) -> str:
        return f"`{self.command}` of {self.who} (since {self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"


def watching(store: Store, project: str) -> Watching | None:
    """The last watching process, even if its record is no longer valid. Raises EngineError."""
    record = store.find(_name(project))
    return _read(record) if record else None


@dataclass
class Watcher:
    """This process's claim to watch a project. ``version``: of videa."""

    store: Store
    project: str
    command: str
    version: str = ""
    _id: str = field(default="", init=False)

    def claim(self, interval: float) -> Watching | None:
        """Takes or renews the record for rounds every ``interval`` seconds. Returns the other process if one holds it.

        Raises EngineError.
        """
        lease = max(SHORTEST, int(interval * ROUNDS))
        number = int(self.store.now()) + lease
        if self._id and self.store.set_number(self._id, number):
            return None
        record = self.store.find(_name(self.project))
        if record and self._keeps(record):
            self._id = ""
            return _read(record)
        if record:
            self.store.remove(record.id)
        self._id = self.store.create(_name(self.project), self._labels(lease), number) or ""
        record = None if self._id else self.store.find(_name(self.project))
        return _read(record) if record else None

    @property
    def claimed(self) -> bool:
        """Whether this process held the record after its last claim."""
        return bool(self._id)

    def release(self) -> None:
        """Removes the record of this process. Raises EngineError."""
        if self._id:
            self.store.remove(self._id)
        self._id = ""

    def _keeps(self, record: Record) -> bool:
        """Whether another process holds it; an earlier process of this container ended when this one started."""
        holder = _read(record)
        earlier = holder.command == self.command and holder.host == socket.gethostname() and holder.pid == os.getpid()
        return holder.alive(self.store.now()) and not earlier

    def _labels(self, lease: int) -> dict[str, str]:
        return {
            _WHO: whoami(),
            _COMMAND: self.command,
            _HOST: socket.gethostname(),
            _PID: str(os.getpid()),
            _VERSION: self.version,
            _LEASE: str(lease),
        }


def _read(record: Record) -> Watching:
    labels = record.labels
    lease = int(labels.get(_LEASE, SHORTEST))
    return Watching(
        who=labels.get(_WHO, "somebody"),
        command=labels.get(_COMMAND, "a process"),
        host=labels.get(_HOST, ""),
        pid=int(labels.get(_PID, 0)),
        version=labels.get(_VERSION, ""),
        since=record.created,
        last_round=float(record.number - lease),
        lease=lease,
    )


def _name(project: str) -> str:
    return f"videa.watcher.{project}"
