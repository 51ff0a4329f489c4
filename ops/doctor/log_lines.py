"""The error lines in a container's log, grouped by message. Pure: takes the engine's text with timestamps.

The formats of PostgreSQL, Redis, nginx, JSON lines and Python's tracebacks are known; for other programs, lines with a
word such as ERROR count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import msgspec

from ops.doctor.facts_services import LogGroup
from ops.doctor.signs import sign_of

MOST = 5
"""Maximum groups per container, the most frequent first."""

SHOWN = 240
"""Maximum characters of a line."""

_SERIOUS = frozenset({"error", "critical", "fatal", "panic", "alert", "emerg"})
_POSTGRES = re.compile(r"^\S+ \S+ \w+ \[\d+\](?: \S+)* (ERROR|FATAL|PANIC|WARNING|LOG):  (.*)")
_REDIS = re.compile(r"^\d+:[MSCX] \d+ \w+ \d+ [\d:.]+ ([#*.-]) (.*)")
_NO_ERRORS = ("WARNING", "Warning", "User requested shutdown", "Redis is now ready to exit")
_NGINX = re.compile(r"^\d{4}/\d\d/\d\d [\d:]+ \[(\w+)\] \d+#\d+: (?:\*\d+ )?(.*)")
_WORD = re.compile(r"\b(?:ERROR|FATAL|CRITICAL|PANIC|EMERG|Error|Exception|error:|fatal:|panic:)")
_DETAILS = re.compile(r", client: [^,]*(?=, |$)|, server: [^,]*(?=, |$)|, host: \"[^\"]*\"")
"""Details that nginx adds to every line, unrelated to the error."""
_TRACEBACK = "Traceback (most recent call last):"
_PARTS = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\d+(?:[.:]\d+)*"), "<n>"),
    (re.compile(r"\"[^\"]*\"|'[^']*'"), "<text>"),
)


def groups(text: str, redact: Callable[[str], str], since: float = 0.0) -> list[LogGroup]:
    """The error lines of a log with the engine's timestamps, grouped; the most frequent first.

    ``since``: epoch seconds; errors that occurred last before this time are left out. ``redact``: removes the secrets
    from a line; it is called only for the lines that are shown.
    """
    found: dict[str, list[tuple[float, str]]] = {}
    for time, line in errors(text.splitlines()):
        found.setdefault(template(line), []).append((time, line))
    present = [lines for lines in found.values() if lines[-1][0] >= since]
    frequent = sorted(present, key=lambda lines: (not sign_of(lines[-1][1]), -len(lines)))[:MOST]
    return [
        LogGroup(
            text=_short(redact(lines[-1][1])),
            count=len(lines),
            first=min(time for time, _ in lines),
            last=max(time for time, _ in lines),
            sign=sign_of(lines[-1][1]),
        )
        for lines in frequent
    ]


def errors(lines: Iterable[str]) -> Iterator[tuple[float, str]]:
    """(time, message) of every error line; for a traceback, only its last line."""
    inside = False
    for line in lines:
        stamp, _, said = line.partition(" ")
        time = _time(stamp)
        if time is None:
            continue
        if said.startswith(_TRACEBACK):
            inside = True
        elif inside and said.startswith((" ", "\t")):
            continue
        elif inside and said.strip():
            inside = False
            yield time, said.strip()
        elif message := _error(said):
            yield time, message


def _error(said: str) -> str:
    """The message of an error line; "" for any other line."""
    if said.startswith("{"):
        return _json_error(said)
    if match := _POSTGRES.match(said):
        serious = match[1] in ("ERROR", "FATAL", "PANIC")
    elif match := _REDIS.match(said):
        serious = match[1] == "#" and not match[2].startswith(_NO_ERRORS)
    elif match := _NGINX.match(said):
        serious = match[1] in _SERIOUS | {"crit"}
    else:
        return said.strip() if _WORD.search(said) or sign_of(said) else ""
    return _DETAILS.sub("", match[2]) if serious or sign_of(match[2]) else ""


def _json_error(said: str) -> str:
    """The message of a JSON line with an error level, plus the last line of its exception."""
    try:
        entry = msgspec.json.decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    if not isinstance(entry, dict) or str(entry.get("level") or entry.get("severity") or "").lower() not in _SERIOUS:
        return ""
    message = str(entry.get("message") or entry.get("msg") or "")
    exception = str(entry.get("exception") or entry.get("error") or "").strip().rpartition("\n")[2]
    return f"{message}: {exception}" if message and exception else message or exception


def template(line: str) -> str:
    """The line with placeholders for variable parts: lines with the same template have the same message."""
    for pattern, placeholder in _PARTS:
        line = pattern.sub(placeholder, line)
    return line[: 2 * SHOWN]


def _short(line: str) -> str:
    """At most SHOWN characters, in whole words, so that no part of an undetected secret remains."""
    line = " ".join(line.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 4].rpartition(" ")[0] + " ..."


def _time(stamp: str) -> float | None:
    """The engine's timestamp, such as 2026-11-26T17:20:00.123456789Z; None for any other word."""
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return None
