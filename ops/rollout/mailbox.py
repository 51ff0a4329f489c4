"""What other terminals ask of a running operation, until it looks.

A marker of its own on the engine, not a file in the journal's: one is made in 14 ms and found in 1, where a file takes
40 to write and 40 to read, and going back to a kept set is to be quick.
"""

from __future__ import annotations

from dataclasses import dataclass

from ops.platform.ports import Store
from ops.rollout.operator import whoami

ABORT, PROMOTE = "abort", "promote"
_VERB, _WHO = "videa.command.verb", "videa.command.who"


@dataclass(frozen=True, slots=True)
class Command:
    """``verb``: promote or abort; ``who``: user@machine."""

    verb: str
    who: str


@dataclass(frozen=True)
class Mailbox:
    """The mailbox of one project's operation: it holds one command, the last, or an abort."""

    store: Store
    project: str

    @property
    def _name(self) -> str:
        return f"videa.command.{self.project}"

    def send(self, verb: str) -> None:
        """Leaves a command, in the place of one that nobody has taken; but an abort stays one. Raises EngineError."""
        command = Command(verb, whoami())
        while self.store.create(self._name, {_VERB: command.verb, _WHO: command.who}) is None:
            waiting = self.take()
            if waiting and waiting.verb == ABORT:
                command = waiting

    def take(self) -> Command | None:
        """The command that was left, which is then gone; None when there is none. Raises EngineError."""
        found = self.store.find(self._name)
        if found is None:
            return None
        self.store.remove(found.id)
        return Command(found.labels.get(_VERB, ""), found.labels.get(_WHO, "somebody"))
