"""The journal: each step is written before it starts, so that another process can continue it or roll it back.

It is stored on the engine, in a separate marker, because the replicas are there too: any process on any machine sees
it. Each entry is a file; an entry that a crash has truncated counts as not written. The snapshots of removed replicas
contain their environment, so only videa reads the entries.

A process that takes the operation over copies the journal into a marker of its own. So the engine refuses what the
previous process still writes, because that one knows only the id of the old marker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from ops.errors import EngineError, LockHeld
from ops.events import Remark, Standing
from ops.models import Record
from ops.platform.ports import Store
from ops.rollout.command_queue import CommandQueue
from ops.rollout.request import Request
from ops.rollout.worded import WordedEntry, WordedNote, typed
from ops.steps import AnyStep, Keep, Pause, Target, Wait, Waiting, share_of


class Following(msgspec.Struct, frozen=True):
    """A service that an operation changes later. ``request``: None for a scale."""

    service: str
    wanted: int
    target: Target
    request: Request | None = None


class Header(msgspec.Struct, frozen=True, tag="opening"):
    """The state of a service before an operation, and the request. ``time``: Unix time.

    An operation on several services changes one after the other: each has its own header, and its entries follow.
    ``following``: the services that come later.

    ``before``: all replicas; ``served``: those that the balancer sent requests to; ``variables``: values in ``.env``,
    None if unset; ``request``: None for a scale. Empty if an older videa has written it: ``releases``, by replica, and
    ``service``.
    """

    command: str
    who: str
    time: float
    wanted: int
    target: Target
    before: tuple[str, ...]
    served: tuple[str, ...]
    variables: dict[str, str | None]
    request: Request | None = None
    releases: dict[str, str] = {}
    service: str = ""
    following: tuple[Following, ...] = ()


class StepEntry(msgspec.Struct, frozen=True, tag="step_begun"):
    """A step is about to start. ``number`` of ``total``; ``time``: Unix time; ``wait``: of a step that waits."""

    number: int
    total: int
    step: AnyStep
    time: float = 0.0
    wait: Wait | None = None


class RemovalEntry(msgspec.Struct, frozen=True, tag="removal"):
    """Replicas are about to be removed: everything that is needed to create each of them again."""

    snapshots: dict[str, dict[str, Any]]


class ReturnEntry(msgspec.Struct, frozen=True, tag="return"):
    """The rollback starts here. ``reason``: its cause."""

    reason: str


class BackTo(msgspec.Struct, frozen=True, tag="back_to"):
    """The rollback of the services after ``service`` is complete, and that of ``service`` starts."""

    service: str


Entry = Header | StepEntry | RemovalEntry | ReturnEntry | BackTo | Remark


@dataclass(frozen=True)
class JournalState:
    """The content of a journal, of the service that the operation has reached.

    ``earlier``: the services that it has changed completely before, in order.
    """

    header: Header
    entries: tuple[Entry, ...]
    earlier: tuple[JournalState, ...] = ()

    @property
    def snapshots(self) -> dict[str, Mapping[str, Any]]:
        """Every replica that was removed or was about to be removed."""
        return {
            name: details
            for entry in self.entries
            if isinstance(entry, RemovalEntry)
            for name, details in entry.snapshots.items()
        }

    @property
    def reached(self) -> float:
        """The latest share of traffic of the canary, in percent."""
        shares = [share for step in self.steps if (share := share_of(step)) is not None]
        return shares[-1] if shares else 0.0

    @property
    def last(self) -> StepEntry | None:
        """The step that was started last, None before the first."""
        return next(self._reversed_steps, None)

    @property
    def steps(self) -> list[AnyStep]:
        """The steps that were started."""
        return [entry.step for entry in self.entries if isinstance(entry, StepEntry)]

    @property
    def keeping(self) -> bool:
        """Whether the new release has all traffic and the old set is kept running next to it."""
        return not self.returning and self.last is not None and isinstance(self.last.step, Keep)

    @property
    def waiting(self) -> bool:
        """Whether it waits, also without a process: it is between two steps, and any process may continue it."""
        return not self.returning and self.last is not None and self.last.wait is not None

    def wait_at(self, step: Waiting) -> Wait | None:
        """The last recorded wait at this step, None before the first."""
        return next((entry.wait for entry in self._reversed_steps if entry.step == step and entry.wait), None)

    @property
    def undecided(self) -> bool:
        """Whether the canary waits for the operator at its present share: it has been judged there."""
        pauses = (entry.step for entry in self._reversed_steps if entry.wait and isinstance(entry.step, Pause))
        last = next(pauses, None)
        return last is not None and last.percent == self.reached

    @property
    def _reversed_steps(self) -> Iterator[StepEntry]:
        return (entry for entry in reversed(self.entries) if isinstance(entry, StepEntry))

    @property
    def returning(self) -> bool:
        """Whether the rollback has started."""
        return any(isinstance(entry, ReturnEntry) for entry in self.entries)

    @property
    def standing(self) -> Standing:
        """The operation and its present step."""
        last, header = self.last, self.header
        if last is None:
            return Standing(header.command, header.who)
        wait = last.wait if self.waiting else None
        return Standing(header.command, header.who, last.number, last.total, last.step, wait)

    def __str__(self) -> str:
        """A short text for errors and findings; the CLI has a longer one."""
        last = self.last
        kind = str(last.step.__struct_config__.tag).replace("_", " ") if last else ""
        where = f"at step {last.number} of {last.total} ({kind})" if last else "before its first step"
        if self.waiting:
            return f"`{self.header.command}` of {self.header.who}, which waits {where}"
        return f"`{self.header.command}` of {self.header.who}, {where}"


_PROJECT, _ORIGIN = "videa.journal", "videa.journal.origin"
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Entry | WordedEntry | WordedNote)


def _assume_pruned() -> bool:
    """The default without a lease: nothing shows who has removed the journal."""
    return True


@dataclass
class Journal:
    """The journal of one project's operation. ``origin``: where the operation starts (ops/rollout/origin.py).

    ``pruned``: whether a missing journal was removed by a prune, not by another process that has ended the operation.
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
        return _state(self.store.read(marker.id)) if marker else None

    def state(self) -> JournalState:
        """The entries known after ``begin`` or ``reopen``, without a query. Raises EngineError before these calls."""
        state = _state(self._files)
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
        """Whether the journal is still the one of ``begin`` or ``reopen``: no other process has replaced it.

        Raises EngineError.
        """
        return bool(self._id) and self.store.find(self._id) is not None

    def begin(self, header: Header) -> None:
        """Opens it for a new operation. The journal that ``read`` has found and its pending command are removed.

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
        if self.store.find(self._name) is None:  # this was interrupted between its two last calls
            self.store.rename(original.id, self._name)
        self.store.remove(self._copy_name)
        copy = self.store.create(self._copy_name, original.labels)
        if copy is None:
            raise _replaced()
        self._id, self._files = copy, self.store.read(original.id)
        self.store.write(copy, self._files)
        self.store.remove(original.id)
        self.store.rename(copy, self._name)
        self.commands.take()  # a command to the process that has exited

    def write(self, entry: Entry) -> None:
        """Adds an entry; it is on the engine when this returns. Raises EngineError, LockHeld like ``confirm``."""
        name, content = f"{len(self._files):06}", _ENCODER.encode(entry)
        if not self.store.write(self._id, {name: content}):
            self._write_again()
            self.store.write(self._id, {name: content})
        self._files[name] = content

    def confirm(self) -> None:
        """Checks, after other processes could make changes, that this process still carries out the operation.

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
        """The journal; its copy if the original was removed and the copy not renamed yet."""
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


def _state(files: Mapping[str, bytes]) -> JournalState | None:
    parts: list[JournalState] = []
    for entry in _decode(files):
        if isinstance(entry, Header):
            parts.append(JournalState(entry, (), tuple(parts)))
        elif not parts:
            return None
        elif isinstance(entry, BackTo):
            while len(parts) > 1 and parts[-1].header.service != entry.service:
                parts.pop()
        else:
            parts[-1] = replace(parts[-1], entries=(*parts[-1].entries, entry))
    return parts[-1] if parts else None


def _decode(files: Mapping[str, bytes]) -> Iterator[Entry]:
    for name in sorted(files):
        try:
            entry = _DECODER.decode(files[name])
        except msgspec.ValidationError:
            continue  # an entry of a later videa: the readable entries are still enough for a rollback
        except msgspec.DecodeError:
            return
        if isinstance(entry, WordedEntry):
            yield StepEntry(entry.number, entry.total, typed(entry), entry.time)
        elif not isinstance(entry, WordedNote):
            yield entry
