"""Commands from other terminals to a running operation.

A command is a separate marker on the engine, not a file in the journal: a marker is created in 14 ms and found in 1 ms,
while a file takes 40 ms to write and 40 ms to read, and rollback to a kept set must be fast.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from ops.platform.ports import Store
from ops.rollout.operator import whoami

ABORT, PROMOTE = "abort", "promote"
_VERB, _WHO = "videa.command.verb", "videa.command.who"


class Command(msgspec.Struct, frozen=True):
    """``verb``: promote or abort; ``who``: user@machine."""

    verb: str
    who: str


@dataclass(frozen=True)
class CommandQueue:
    """The commands to one project's operation. The queue holds one command: the latest one, or an abort."""

    store: Store
    project: str

    @property
    def _name(self) -> str:
        return f"videa.command.{self.project}"

    def send(self, verb: str) -> None:
        """Sends a command. It replaces a pending command, unless that is an abort. Raises EngineError."""
        command = Command(verb, whoami())
        while self.store.create(self._name, {_VERB: command.verb, _WHO: command.who}) is None:
            pending = self.take()
            if pending and pending.verb == ABORT:
                command = pending

    def take(self) -> Command | None:
        """Removes and returns the pending command; None if there is none. Raises EngineError."""
        marker = self.store.find(self._name)
        if marker is None:
            return None
        self.store.remove(marker.id)
        return Command(marker.labels.get(_VERB, ""), marker.labels.get(_WHO, "somebody"))
