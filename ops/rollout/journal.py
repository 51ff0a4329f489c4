"""What an operation is about to do, written down before it does it, so that another process can go on or go back.

It is kept on the engine, in a marker of its own, because that is where the replicas are: whoever comes next sees it,
from whatever machine. Each entry is a file; one that was cut short by a crash counts as not written. The snapshots of
removed replicas hold their environment, so entries never leave the engine but to videa itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ops.errors import EngineError, LockHeld
from ops.events import Remark, Standing
from ops.platform.ports import Store
from ops.rollout.command_queue import CommandQueue
from ops.rollout.request import Request
from ops.rollout.worded import WordedEntry, WordedNote, typed
from ops.steps import AnyStep, Keep, Pause, Target, Wait, Waiting, share_of


class Header(msgspec.Struct, frozen=True, tag="opening"):
    """How it was before an operation, and what was asked for. ``time``: Unix time.

    ``before``: every replica there was; ``served``: those the balancer sent requests to; ``variables``: what ``.env``
    said, None where it said nothing; ``request``: None for a scale.
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


class StepEntry(msgspec.Struct, frozen=True, tag="step_begun"):
    """A step is about to begin. ``number`` of ``total``; ``time``: Unix time; ``wait``: of one that waits."""

    number: int
    total: int
    step: AnyStep
    time: float = 0.0
    wait: Wait | None = None


class RemovalEntry(msgspec.Struct, frozen=True, tag="removal"):
    """Replicas are about to be removed: all that is needed to bring each of them back."""

    snapshots: dict[str, dict[str, Any]]


class ReturnEntry(msgspec.Struct, frozen=True, tag="return"):
    """From here on everything is put back. ``reason``: why."""

    reason: str


Entry = Header | StepEntry | RemovalEntry | ReturnEntry | Remark


@dataclass(frozen=True)
class JournalState:
    """A journal that was read."""

    header: Header
    entries: tuple[Entry, ...]

    @property
    def snapshots(self) -> dict[str, Mapping[str, Any]]:
        """Every replica that was removed or about to be."""
        return {
            name: details
            for entry in self.entries
            if isinstance(entry, RemovalEntry)
            for name, details in entry.snapshots.items()
        }

    @property
    def reached(self) -> float:
        """The share of traffic that the canary was last given, in percent."""
        shares = [share for step in self.steps if (share := share_of(step)) is not None]
        return shares[-1] if shares else 0.0

    @property
    def last(self) -> StepEntry | None:
        """The step that was begun last, None before the first."""
        return next(self._reversed_steps, None)

    @property
    def steps(self) -> list[AnyStep]:
        """The steps that were begun."""
        return [entry.step for entry in self.entries if isinstance(entry, StepEntry)]

    @property
    def keeping(self) -> bool:
        """Whether the new release has all of the traffic and the old set is kept warm beside it."""
        return not self.returning and self.last is not None and isinstance(self.last.step, Keep)

    @property
    def waiting(self) -> bool:
        """Whether it waits, or did when nobody attended it any more: it is whole, and anybody may take it up."""
        return not self.returning and self.last is not None and self.last.wait is not None

    def wait_at(self, step: Waiting) -> Wait | None:
        """How the wait at this step stood when it was left, None before the first."""
        return next((entry.wait for entry in self._reversed_steps if entry.step == step and entry.wait), None)

    @property
    def undecided(self) -> bool:
        """Whether the canary at its present share waits for people: it has been judged there."""
        pauses = (entry.step for entry in self._reversed_steps if entry.wait and isinstance(entry.step, Pause))
        last = next(pauses, None)
        return last is not None and last.percent == self.reached

    @property
    def _reversed_steps(self) -> Iterator[StepEntry]:
        return (entry for entry in reversed(self.entries) if isinstance(entry, StepEntry))

    @property
    def returning(self) -> bool:
        """Whether it was being put back."""
        return any(isinstance(entry, ReturnEntry) for entry in self.entries)

    @property
    def standing(self) -> Standing:
        """Which operation it is, and where it stands."""
        last, header = self.last, self.header
        if last is None:
            return Standing(header.command, header.who)
        wait = last.wait if self.waiting else None
        return Standing(header.command, header.who, last.number, last.total, last.step, wait)

    def __str__(self) -> str:
        """In few words, for errors and findings; the CLI has more."""
        last = self.last
        kind = str(last.step.__struct_config__.tag).replace("_", " ") if last else ""
        where = f"at step {last.number} of {last.total} ({kind})" if last else "before its first step"
        if self.waiting:
            return f"`{self.header.command}` of {self.header.who}, which waits {where}"
        return f"`{self.header.command}` of {self.header.who}, {where}"


_PROJECT, _ORIGIN = "videa.journal", "videa.journal.origin"
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Entry | WordedEntry | WordedNote)


def _by_chance() -> bool:
    """Where no lease can tell who has cleared the journal away."""
    return True


@dataclass
class Journal:
    """The journal of one project's operation. ``origin``: where it is begun (ops/rollout/origin.py).

    ``pruned``: whether one that is gone was cleared away by chance, rather than by whoever has ended the operation.
    """

    store: Store
    project: str
    origin: str = ""
    pruned: Callable[[], bool] = field(default_factory=lambda: _by_chance, init=False)
    _id: str = field(default="", init=False)
    _files: dict[str, bytes] = field(default_factory=dict, init=False)

    @property
    def _name(self) -> str:
        return f"videa.journal.{self.project}"

    @classmethod
    def begun_at(cls, store: Store, origin: str) -> Journal | None:
        """The one that was begun there; None when there is none, or several. Raises EngineError."""
        found = store.labelled(_ORIGIN, origin)
        return cls(store, found[0][_PROJECT], origin) if len(found) == 1 else None

    def read(self) -> JournalState | None:
        """What the present or a broken-off operation has written; None if there is none. Raises EngineError."""
        found = self.store.find(self._name)
        return _state(self.store.read(found.id)) if found else None

    def state(self) -> JournalState:
        """What is in it since ``begin`` or ``go_on``, without asking the engine. Raises EngineError before them."""
        state = _state(self._files)
        if state is None:
            raise EngineError("the journal is gone", "deploy or scale again: `videa status` shows what there is")
        return state

    @property
    def commands(self) -> CommandQueue:
        """Where the operation that writes this journal is asked for something."""
        return CommandQueue(self.store, self.project)

    def exists(self) -> bool:
        """Whether an operation is under way or was broken off. Raises EngineError."""
        return self.store.find(self._name) is not None

    def begin(self, header: Header) -> None:
        """Opens it for a new operation; one that was broken off and what was asked of it are forgotten.

        Raises EngineError.
        """
        self.commands.take()
        found = self.store.find(self._name)
        if found:
            self.store.remove(found.id)
        self._files = {}
        self._create()
        self.write(header)

    def go_on(self) -> None:
        """Opens the one of a broken-off operation to write on. Raises EngineError."""
        found = self.store.find(self._name)
        if found is None:
            raise EngineError("the journal is gone", "somebody else has ended the operation: see `videa status`")
        self._id = found.id
        self._files = self.store.read(found.id)
        self.commands.take()  # what was asked of the process that is no more

    def write(self, entry: Entry) -> None:
        """Adds an entry; it is on the engine when this returns. Raises EngineError, LockHeld like ``confirm``."""
        name, content = f"{len(self._files):06}", _ENCODER.encode(entry)
        if not self.store.write(self._id, {name: content}):
            self._write_anew()
            self.store.write(self._id, {name: content})
        self._files[name] = content

    def confirm(self) -> None:
        """Makes sure that the operation is still this process's to carry out, while others could change something.

        Raises LockHeld when it is not, EngineError.
        """
        found = self.store.find(self._name)
        if found is None or found.id != self._id:
            self._write_anew()

    def end(self) -> None:
        """The operation has ended, well or put back: nothing is left to go on with. Raises EngineError."""
        if self._id:
            self.store.remove(self._id)
            self.commands.take()  # what came too late

    def discard(self) -> None:
        """Forgets a broken-off operation. Raises EngineError."""
        found = self.store.find(self._name)
        if found:
            self.store.remove(found.id)

    def _write_anew(self) -> None:
        """After `docker container prune`, which takes it for a leftover. Raises LockHeld, EngineError."""
        if self.store.find(self._name) is not None or not self.pruned():
            raise LockHeld(
                "somebody else has ended this operation, or begun another, so it stopped where it was",
                "see videa status and videa history",
            )
        self._create()
        self.store.write(self._id, self._files)

    def _create(self) -> None:
        labels = {_PROJECT: self.project, _ORIGIN: self.origin}
        self._id = self.store.create(self._name, labels) or ""
        if not self._id:
            raise EngineError("there is a journal of another operation", "see `videa lock status`")


def _state(files: Mapping[str, bytes]) -> JournalState | None:
    entries = list(_decode(files))
    if not entries or not isinstance(entries[0], Header):
        return None
    return JournalState(entries[0], tuple(entries[1:]))


def _decode(files: Mapping[str, bytes]) -> Iterator[Entry]:
    for name in sorted(files):
        try:
            entry = _DECODER.decode(files[name])
        except msgspec.ValidationError:
            continue  # a later videa's: what can be read of it still tells what to bring back
        except msgspec.DecodeError:
            return
        if isinstance(entry, WordedEntry):
            yield StepEntry(entry.number, entry.total, typed(entry), entry.time)
        elif not isinstance(entry, WordedNote):
            yield entry
