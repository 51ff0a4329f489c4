"""The history of a project: one line per operation, in `.videa/history.jsonl` next to the Compose file.

Like `.env`, it contains the variables of each release and is readable by its owner only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ops.errors import ConfigError
from ops.events import OperationEnded, VerdictGiven
from ops.project.config import Project

FOLDER, FILE = ".videa", "history.jsonl"


class Entry(msgspec.Struct, frozen=True):
    """One operation. ``time``: Unix time of its end; ``seconds``: duration; ``variables``: of the release, from `.env`.

    ``action``: scale, rolling, blue-green, canary, rollback, abort or found; ``result``: done, or the error;
    ``service``: empty if an older videa has written it. Figures of the traffic during the operation are None if
    unknown.
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

    @property
    def deployed(self) -> bool:
        """Whether the release ran after it."""
        return self.result == DONE and self.action not in ("scale", "abort")

    @property
    def ended(self) -> OperationEnded:
        """The event for its end. The history does not record what it has left."""
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

LEFT = "left while it waits"
"""The result of an operation that another command continues."""

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Entry)


def verdict_line(given: VerdictGiven) -> str:
    """The text of a verdict in the history: for people, and readable by every version of videa."""
    return f"{given.percent:g}%: {given.kind.value}: {given.reason} ({given.numbers})"


def append(directory: Path, entry: Entry) -> None:
    """Appends a line. Raises ConfigError if it cannot be written."""
    folder = directory / FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        handle = os.open(folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "ab") as file:
            file.write(_ENCODER.encode(entry) + b"\n")
    except OSError as error:
        raise ConfigError(
            f"cannot write {folder / FILE}: {error.strerror}", "check who owns it and its mode"
        ) from error


def read(directory: Path) -> list[Entry]:
    """All operations, the oldest first; invalid lines are skipped. Raises ConfigError."""
    try:
        lines = (directory / FOLDER / FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"cannot read {FILE}: {error.strerror}", "check who owns it and its mode") from error
    entries = []
    for line in lines:
        try:
            entries.append(_DECODER.decode(line))
        except msgspec.DecodeError:
            continue
    return entries


def of(project: Project) -> list[Entry]:
    """The operations of the project's selected service, the oldest first. Raises ConfigError."""
    names = {project.settings.service, *([""] if project.settings.service == project.default_service else [])}
    return [entry for entry in read(project.directory) if entry.service in names]


def releases(entries: Iterable[Entry]) -> list[Entry]:
    """The last deploy of each release, the newest first."""
    latest: dict[str, Entry] = {}
    for entry in reversed(list(entries)):
        if entry.deployed:
            latest.setdefault(entry.release, entry)
    return list(latest.values())
