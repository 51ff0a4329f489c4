"""The last errors in PostgreSQL's log before it exited: the reason why it cannot start."""

from __future__ import annotations

import re
import time
from contextlib import suppress

from ops.errors import EngineError
from ops.platform.ports import Platform

WINDOW = 3600.0
LINES = 200
MOST = 3
_TIME = re.compile(r"^\S+Z\s+")
_OWN_TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S*( \S+)?( \[\d+\])?\s*")
_NUMBERS = re.compile(r"\d+")
_ERRORS = re.compile(
    r"\b(FATAL|PANIC):|No space left on device|was terminated by signal|contains errors|initdb: error"
    r"|configuration parameter|invalid value for parameter|syntax error in file"
)
_OF_CLIENTS = ("the database system is", "terminating connection", "authentication failed", "does not exist")
"""FATAL messages that concern only one client, so they are not why the server exited."""


def last_errors(platform: Platform, container: str, since: float) -> list[str]:
    """The last distinct errors since ``since`` (Unix time), at most an hour back, oldest first; empty without a log."""
    with suppress(EngineError):
        return read(platform.recent_log(container, max(since, time.time() - WINDOW), LINES))
    return []


def read(log: str) -> list[str]:
    """The errors in a log whose lines start with the engine's timestamp."""
    said = [_OWN_TIME.sub("", _TIME.sub("", line)).strip()[:300] for line in log.splitlines()]
    errors = [line for line in said if _ERRORS.search(line) and not any(words in line for words in _OF_CLIENTS)]
    by_form = {_NUMBERS.sub("#", line): line for line in errors}
    return list(by_form.values())[-MOST:]
