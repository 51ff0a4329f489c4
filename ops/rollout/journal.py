"""The journal: each step is written before it starts, so that another process can continue it or roll it back.

It is stored on the engine, in a separate record, because the replicas are there too: any process on any machine sees
it. Each entry is a file; an entry that a crash of an older videa truncated counts as not written. The snapshots of
removed replicas contain their environment, so only videa reads the entries.

A process that takes over the operation copies the journal into a new marker. The engine then refuses the writes of the
previous process, because that process knows only the id of the old marker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ops.errors import EngineError, LockHeld
from ops.models import Record
from ops.platform.ports import Store
from ops.rollout.command_queue import CommandQueue
from ops.rollout.entries import Entry, Header, JournalState, encode, state_of

_PROJECT, _ORIGIN = "videa.journal", "videa.journal.origin"


def _assume_pruned() -> bool:
    """The default without a lease: nothing shows whether a prune has removed the journal."""
    return True


@dataclass
class Journal:
    """The journal of one project's operation. ``origin``: where the operation starts (ops/rollout/origin.py).

    ``pruned``: whether a missing journal was removed by a prune, rather than by another process that ended the
    operation.
    """

    store: Store
    project: str
    origin: str = ""
    pruned: Callable[[], bool] = field(default_factory=lambda: _assume_pruned, init=False)
    _id: str = field(default="", init=False)
    _read: str = field(default="", init=False)
    _files: dict[str, bytes] = field(default_factory=dict, init=False)

    @property
    def _name(self) -> str:
        return f"videa.journal.{self.project}"

    @property
    def _copy_name(self) -> str:
        """The name of a copy until the original is removed."""
        return f"{self._name}.copy"

    @classmethod
    def begun_at(cls, store: Store, origin: str) -> Journal | None:
        """The journal with this origin; None if there is none or more than one. Raises EngineError."""
        projects = {labels[_PROJECT] for labels in store.labelled(_ORIGIN, origin)}
        return cls(store, projects.pop(), origin) if len(projects) == 1 else None

    def read(self) -> JournalState | None:
        """The journal of the present or an interrupted operation; None if there is none. Raises EngineError."""
        marker = self._present()
        self._read = marker.id if marker else ""
        return state_of(self.store.read(marker.id)) if marker else None

    def state(self) -> JournalState:
        """The entries known after ``begin`` or ``reopen``, without a query. Raises EngineError before these calls."""
        state = state_of(self._files)
        if state is None:
            raise EngineError("the journal is gone", "deploy or scale again: `videa status` shows the present state")
        return state

    @property
    def commands(self) -> CommandQueue:
        """The commands to the operation that writes this journal."""
        return CommandQueue(self.store, self.project)

    def exists(self) -> bool:
        """Whether there is a running or interrupted operation. Raises EngineError."""
        return self._present() is not None

    def is_mine(self) -> bool:
        """Whether the journal is still the one that ``begin`` or ``reopen`` opened: no other process has replaced it.

        Raises EngineError.
        """
        return bool(self._id) and self.store.find(self._id) is not None

    def begin(self, header: Header) -> None:
        """Opens the journal for a new operation. Removes the journal that ``read`` found, and its pending command.

        Raises LockHeld if another operation has begun since then, EngineError.
        """
        self.commands.take()
        if self._read:
            self.store.remove(self._read)
        self.store.remove(self._copy_name)
        self._files = {}
        self._create()
        self.write(header)

    def reopen(self) -> None:
        """Opens the journal of an interrupted operation to continue it. Raises EngineError."""
        original = self._present()
        if original is None:
            raise EngineError("the journal is gone", "another process has ended the operation: see `videa status`")
        if self.store.find(self._name) is None:  # an earlier call was interrupted between its last two requests
            self.store.rename(original.id, self._name)
        self.store.remove(self._copy_name)
        copy = self.store.create(self._copy_name, original.labels)
        if copy is None:
            raise _replaced()
        self._id, self._files = copy, self.store.read(original.id)
        self.store.write(copy, self._files)
        self.store.remove(original.id)
        self.store.rename(copy, self._name)
        self.commands.take()  # a command for the process that has exited

    def write(self, *entries: Entry) -> None:
        """Adds all entries or none, in one call; they are stored when this returns.

        Raises EngineError, LockHeld like ``confirm``.
        """
        files = {f"{number:06}": encode(entry) for number, entry in enumerate(entries, len(self._files))}
        if not self.store.write(self._id, files):
            self._write_again()
            self.store.write(self._id, files)
        self._files |= files

    def confirm(self) -> None:
        """Checks that this process still carries out the operation, after a time in which others could make changes.

        Raises LockHeld if it does not, EngineError.
        """
        marker = self.store.find(self._name)
        if marker is None or marker.id != self._id:
            self._write_again()

    def end(self) -> None:
        """Closes the journal of an operation that is complete or rolled back. Raises EngineError."""
        if self._id:
            self.store.remove(self._id)
            self.commands.take()  # a command that came too late

    def discard(self) -> None:
        """Removes the journal of an interrupted operation. Raises EngineError."""
        for name in (self._name, self._copy_name):
            self.store.remove(name)

    def _present(self) -> Record | None:
        """The journal, or its copy if the original was removed and the copy was not renamed yet."""
        return self.store.find(self._name) or self.store.find(self._copy_name)

    def _write_again(self) -> None:
        """Recreates the journal after `docker container prune` has removed it. Raises LockHeld, EngineError."""
        if self.store.find(self._name) is not None or not self.pruned():
            raise _replaced()
        self._create()
        self.store.write(self._id, self._files)

    def _create(self) -> None:
        labels = {_PROJECT: self.project, _ORIGIN: self.origin}
        self._id = self.store.create(self._name, labels) or ""
        if not self._id:
            raise _replaced()


def _replaced() -> LockHeld:
    return LockHeld(
        "another process has ended this operation or started another one, so it stopped where it was",
        "see videa status and videa history",
    )
