"""What was done to a project: one line for each operation, in `.videa/history.jsonl` beside the Compose file.

It holds the variables of each release, as `.env` does, and is readable by its owner only, as `.env` is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ops.errors import ConfigError
from ops.events import OperationEnded, VerdictGiven

FOLDER, FILE = ".videa", "history.jsonl"


class Entry(msgspec.Struct, frozen=True):
    """One operation. ``time``: Unix time of its end; ``seconds``: it took; ``variables``: of the release, from `.env`.

    ``action``: scale, rolling, blue-green, canary, rollback, abort or found; ``result``: done, or why not. Figures
    of the traffic meanwhile are None when they are not known.
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

    @property
    def deployed(self) -> bool:
        """Whether the release ran after it."""
        return self.result == DONE and self.action not in ("scale", "abort")

    @property
    def ended(self) -> OperationEnded:
        """It as the event that its end was. What it has left is not in the history."""
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
"""The result of an operation that goes on by another command."""

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Entry)


def verdict_line(given: VerdictGiven) -> str:
    """A verdict as the file has it: a line that people read, and that every version of videa reads back."""
    return f"{given.percent:g}%: {given.kind.value}: {given.reason} ({given.numbers})"


def append(directory: Path, entry: Entry) -> None:
    """Adds a line. Raises ConfigError when it cannot be written."""
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
    """Every operation, the oldest first; lines that are none are passed over. Raises ConfigError."""
    try:
        lines = (directory / FOLDER / FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"cannot read {FILE}: {error.strerror}", "check who owns it and its mode") from error
    found = []
    for line in lines:
        try:
            found.append(_DECODER.decode(line))
        except msgspec.DecodeError:
            continue
    return found


def releases(entries: Iterable[Entry]) -> list[Entry]:
    """The last deploy of each release that ever ran, the newest first."""
    found: dict[str, Entry] = {}
    for entry in reversed(list(entries)):
        if entry.deployed:
            found.setdefault(entry.release, entry)
    return list(found.values())
