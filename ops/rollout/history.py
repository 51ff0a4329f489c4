"""The history of a project: one entry per operation, on the engine, so that all users of the project see the same.

It contains no secret values of variables (``ops.rollout.secret_values``). Its size is bounded: a release that may be
rolled back to stays longer than operations that changed no release.

An older videa wrote `.videa/history.jsonl` next to the Compose file. Its entries are imported whenever the file has
entries that the engine does not have; the file stays unchanged for that videa.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from ops import documents
from ops.documents import Kind
from ops.events import OperationEnded, VerdictGiven
from ops.image_ref import ImageRef
from ops.project.config import Project
from ops.project.private import private_file
from ops.rollout import secret_values
from ops.stack import Stack

FILE = "history.jsonl"
"""The file of an older videa; it is only read."""

MOST = 200
"""Maximum number of entries of a project."""

MOST_BYTES = 256 * 1024
"""Maximum size of all entries, as JSON."""

RELEASES = 20
"""Number of releases of each service whose entries are removed last."""


class Entry(msgspec.Struct, frozen=True):
    """One operation. ``time``: Unix time of its end; ``seconds``: duration; ``variables``: those of the release, from
    `.env`, without the secret ones; ``secrets``: the names of these.

    ``action``: scale, rolling, blue-green, canary, rollback, abort, found or maintenance; ``result``: done, or the
    error; ``service``: empty for maintenance, and if an older videa wrote the entry. Figures of the traffic during the
    operation are None if unknown. ``automatic``: the autoscaler decided it.
    """

    time: float
    who: str
    command: str
    action: str
    result: str
    release: str
    image: str
    image_id: str
    replicas: int
    seconds: float
    requests: int | None = None
    failed: int | None = None
    slowest_ms: float | None = None
    verdicts: tuple[str, ...] = ()
    variables: dict[str, str] = {}
    service: str = ""
    secrets: tuple[str, ...] = ()
    automatic: bool = False

    @property
    def deployed(self) -> bool:
        """Whether the release was running after the operation."""
        return self.result == DONE and self.action not in ("scale", "abort", MAINTENANCE)

    @property
    def ended(self) -> OperationEnded:
        """The event for the end of the operation. The history does not record in which state it left the stack."""
        return OperationEnded(
            command=self.command,
            who=self.who,
            action=self.action,
            release=self.release,
            result=self.result,
            seconds=self.seconds,
            requests=self.requests,
            failed=self.failed,
        )


DONE = "done"

MAINTENANCE = "maintenance"
"""The action of `videa maintenance`: it changes no replica and no release."""

LEFT = "left while it waits"
"""The result of an operation that another command continues."""

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Entry)


def verdict_line(given: VerdictGiven) -> str:
    """The text of a verdict in the history: for people, and readable by every version of videa."""
    return f"{given.percent:g}%: {given.kind.value}: {given.reason} ({given.numbers})"


def append(stack: Stack, entry: Entry) -> None:
    """Adds an entry; its secret values stay in the project's folder. Raises EngineError, ConfigError."""
    public, hidden = _split(entry)
    if hidden and entry.deployed:  # after a failure, `.env` has the values of another release
        secret_values.remember(stack.project.directory, entry.release, hidden)
    _update(stack, [public])


def take_over(stack: Stack) -> None:
    """Imports the entries that an older videa wrote into the project's folder. Raises EngineError."""
    _update(stack, [])


def read(stack: Stack) -> list[Entry]:
    """All operations, oldest first, including those not imported yet. Raises EngineError."""
    lines = documents.load(stack.store, Kind.HISTORY, stack.project.name).splitlines()
    return [entry for _, entry in _with_file(lines, stack.project) if entry]


def of(stack: Stack) -> list[Entry]:
    """The operations of the stack's service, oldest first. Raises EngineError."""
    project = stack.project
    names = {project.settings.service, *([""] if project.settings.service == project.default_service else [])}
    return [entry for entry in read(stack) if entry.service in names]


def secrets_of(project: Project, entry: Entry) -> dict[str, str]:
    """The secret values of the entry's release, if it was deployed from this folder. Raises ConfigError."""
    older = (other for _, other in reversed(_file(project)) if other and other.deployed)
    found = (_split(other)[1] for other in older if other.release == entry.release)
    return secret_values.of(project.directory, entry.release) or next(filter(None, found), {})


def releases(entries: Iterable[Entry]) -> list[Entry]:
    """The last deploy of each release, newest first."""
    latest: dict[str, Entry] = {}
    for entry in reversed(list(entries)):
        if entry.deployed:
            latest.setdefault(entry.release, entry)
    return list(latest.values())


_Line = tuple[bytes, Entry | None]
"""An entry as stored, and decoded; None if a newer videa wrote it in another format."""


def _update(stack: Stack, new: Sequence[Entry]) -> None:
    """Adds new entries and those of the file. Raises EngineError."""

    def change(content: bytes) -> bytes:
        lines = _with_file(content.splitlines(), stack.project)
        known = {_identity(entry) for _, entry in lines if entry}
        lines += [(_ENCODER.encode(entry), entry) for entry in new if _identity(entry) not in known]
        return b"\n".join(raw for raw, _ in _bounded(lines))

    documents.update(stack.store, Kind.HISTORY, stack.project.name, change)


def _with_file(stored: Iterable[bytes], project: Project) -> list[_Line]:
    """The stored lines, in their order, merged by time with the lines that only the file has."""
    lines = [(raw, _decoded(raw)) for raw in stored]
    known = {_identity(entry) for _, entry in lines if entry}
    missing = [line for line in _file(project) if line[1] and _identity(line[1]) not in known]
    if not missing:
        return lines
    merged = _bounded(list(heapq.merge(missing, lines, key=lambda line: line[1].time if line[1] else 0.0)))
    added = {raw for raw, _ in missing}
    return [_public(entry) if entry and raw in added else (raw, entry) for raw, entry in merged]


def _file(project: Project) -> list[_Line]:
    """The lines in the file of an older videa; none if it is unreadable, for example because another user owns it."""
    with suppress(OSError):
        return [(raw, _decoded(raw)) for raw in private_file(project.directory, FILE).read_bytes().splitlines()]
    return []


def _public(entry: Entry) -> _Line:
    public = _split(entry)[0]
    return _ENCODER.encode(public), public


def _decoded(line: bytes) -> Entry | None:
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        return _DECODER.decode(line)
    return None


def _identity(entry: Entry) -> tuple[float, str, str, str]:
    return entry.time, entry.who, entry.command, entry.service


def _split(entry: Entry) -> tuple[Entry, dict[str, str]]:
    """The entry without its secret values, and the secret values. The name of an image is never secret."""
    from ops.redaction.names import is_secret_name  # noqa: PLC0415 (slow to load, and most commands only read)
    from ops.redaction.redactor import Redactor  # noqa: PLC0415

    image = {entry.image, entry.release, ImageRef.parse(entry.image).tag}
    values = {name: value for name, value in entry.variables.items() if value and value not in image}
    redactor = Redactor()
    redactor.learn(value for name, value in values.items() if is_secret_name(name))
    hidden = {name: value for name, value in values.items() if is_secret_name(name) or redactor.text(value) != value}
    public = {name: value for name, value in entry.variables.items() if name not in hidden}
    return replace(entry, variables=public, secrets=(*entry.secrets, *sorted(hidden))), hidden


def _bounded(lines: list[_Line]) -> list[_Line]:
    """The newest lines within the bounds; lines that no rollback needs are dropped first."""
    needed = _needed([entry for _, entry in lines])
    kept, size = set(range(len(lines))), sum(len(raw) + 1 for raw, _ in lines)
    for index in sorted(kept, key=lambda index: (index in needed, index)):
        if len(kept) <= MOST and size <= MOST_BYTES:
            break
        kept.remove(index)
        size -= len(lines[index][0]) + 1
    return [lines[index] for index in sorted(kept)]


def _needed(entries: Sequence[Entry | None]) -> set[int]:
    """The first and the last deploy of each of the last releases: a rollback needs the image name of the first."""
    found: dict[str, dict[str, list[int]]] = {}
    for index in reversed(range(len(entries))):
        entry = entries[index]
        if entry and entry.deployed:
            releases = found.setdefault(entry.service, {})
            if entry.release in releases or len(releases) < RELEASES:
                releases.setdefault(entry.release, []).append(index)
    return {
        index for releases in found.values() for deploys in releases.values() for index in (deploys[0], deploys[-1])
    }
