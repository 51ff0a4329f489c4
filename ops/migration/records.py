"""What moves with a project besides its containers, and what an interrupted move needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ops import declared, documents
from ops.platform.ports import Store
from ops.project import outline
from ops.rollout.history import append
from ops.rollout.retained import present_entry
from ops.stack import Stack

MIGRATE = "migrate"
"""The action in the history."""

TO, RAN = "videa.migration.to", "ran"
"""Of the record of a move: a label with its direction, and a file with the names of the containers that ran before."""


@dataclass(frozen=True)
class Records:
    """``here`` and ``there``: before and after the move; ``to_swarm``: its direction; ``command``: as typed.

    All methods raise EngineError.
    """

    here: Stack
    there: Stack
    to_swarm: bool
    command: str

    def copy(self) -> None:
        """History, declarations and the rest, so that they are there for a later move back."""
        name = self.here.project.name
        for kind in set(documents.Kind) - {documents.Kind.OUTLINE}:  # which says what runs the project
            if content := documents.load(self.here.store, kind, name):
                documents.update(self.there.store, kind, name, partial(_replaced, content))
        for service in self.here.project.services:
            for release, declaration in declared.read(self.here.store, name, service).items():
                declared.record(self.there.store, name, service, release, declaration)

    def ran(self) -> set[str]:
        """What ran before an interrupted move in this direction; empty without one."""
        record = self._store.find(self._name)
        if record is None or record.labels.get(TO) != self._direction:
            return set()
        return set(self._store.read(record.id, RAN).get(RAN, b"").decode().split())

    def begin(self) -> set[str]:
        """Records what runs here before it changes, and returns it; after an interruption, what ran at the start."""
        ran = self.ran() or {each.name for each in self.here.containers() if each.alive}
        self.forget()
        if record := self._store.create(self._name, {TO: self._direction}):
            self._store.write(record, {RAN: "\n".join(sorted(ran)).encode()})
        return ran

    def forget(self) -> None:
        """Removes the record of the move."""
        if record := self._store.find(self._name):
            self._store.remove(record.id)

    def end(self) -> None:
        """Writes the history, and what the agent needs to know; the move has ended."""
        outline.record(self.there.store, self.there.project)
        self.forget()
        for service in self.there.project.services:
            stack = self.there.of(service)
            found = [each for each in stack.replicas() if each.alive]
            if found:
                one = found[0]
                release = (one.release, one.image, one.image_id)
                append(stack, present_entry(stack, self.command, MIGRATE, *release, len(found)))

    @property
    def _store(self) -> Store:
        """The swarm's: the same for both directions."""
        return (self.there if self.to_swarm else self.here).store

    @property
    def _direction(self) -> str:
        return "swarm" if self.to_swarm else "compose"

    @property
    def _name(self) -> str:
        return f"videa.migration.{self.here.project.name}"


def _replaced(content: bytes, _: bytes) -> bytes:
    return content
