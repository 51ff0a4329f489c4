"""The entries of a journal, and the state of an operation that they describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ops.events import Remark, Standing
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
    """The state of a service before an operation, and the requested change. ``time``: Unix time.

    An operation on several services changes one after the other: each has its own header, and its entries follow.
    ``following``: the services that come later; ``automatic``: the autoscaler has decided it, nobody has typed it.

    ``before``: all replicas; ``served``: those that the balancer sent requests to; ``variables``: values in ``.env``,
    None if unset; ``request``: None for a scale. ``releases`` (by replica) and ``service`` are empty if an older videa
    wrote the header.
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
    automatic: bool = False


class StepEntry(msgspec.Struct, frozen=True, tag="step_begun"):
    """A step is about to start: ``number`` of ``total``. ``time``: Unix time; ``wait``: set if the step waits."""

    number: int
    total: int
    step: AnyStep
    time: float = 0.0
    wait: Wait | None = None


class RemovalEntry(msgspec.Struct, frozen=True, tag="removal"):
    """Replicas are about to be removed: everything that is needed to create each of them again."""

    snapshots: dict[str, dict[str, Any]]


class ReturnEntry(msgspec.Struct, frozen=True, tag="return"):
    """The rollback starts. ``reason``: its cause."""

    reason: str


class BackTo(msgspec.Struct, frozen=True, tag="back_to"):
    """The rollback of the services after ``service`` is complete, and the rollback of ``service`` starts."""

    service: str


Entry = Header | StepEntry | RemovalEntry | ReturnEntry | BackTo | Remark


@dataclass(frozen=True)
class JournalState:
    """The content of a journal, for the service that the operation is changing now.

    ``earlier``: the services that it has finished changing, in order.
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
        """The canary's latest share of the traffic, in percent."""
        shares = [share for step in self.steps if (share := share_of(step)) is not None]
        return shares[-1] if shares else 0.0

    @property
    def last(self) -> StepEntry | None:
        """The step that started last; None before the first."""
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
        """Whether the operation waits between two steps, with or without a process: any process may continue it."""
        return not self.returning and self.last is not None and self.last.wait is not None

    def wait_at(self, step: Waiting) -> Wait | None:
        """The last recorded wait at this step; None before the first."""
        return next((entry.wait for entry in self._reversed_steps if entry.step == step and entry.wait), None)

    @property
    def undecided(self) -> bool:
        """Whether the canary has been judged at its present share and waits for the operator."""
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


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Entry | WordedEntry | WordedNote)


def encode(entry: Entry) -> bytes:
    """The entry as the content of its file."""
    return _ENCODER.encode(entry)


def state_of(files: Mapping[str, bytes]) -> JournalState | None:
    """The state in the files of a journal, by name; None if there is no readable header."""
    parts: list[JournalState] = []
    for entry in decode(files):
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


def decode(files: Mapping[str, bytes]) -> Iterator[Entry]:
    """The entries in the files of a journal, in order, up to the first one that a crash has truncated."""
    for name in sorted(files):
        try:
            entry = _DECODER.decode(files[name])
        except msgspec.ValidationError:
            continue  # an entry that a newer videa wrote: the readable entries are still enough for a rollback
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if isinstance(entry, WordedEntry):
            yield StepEntry(entry.number, entry.total, typed(entry), entry.time)
        elif not isinstance(entry, WordedNote):
            yield entry
