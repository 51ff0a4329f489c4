"""PostgreSQL, through psql in its own container: one connection, one read-only batch with time limits.

All secrets stay in the container: psql reads them from the container's environment, never from arguments.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import msgspec
from msgspec.structs import replace

from ops.doctor.collectors.postgres_sql import BATCH, GAP
from ops.doctor.facts_postgres import PostgresFacts
from ops.doctor.refusals import refused_by_postgres
from ops.doctor.skip import Skip
from ops.models import ExecResult
from ops.platform.ports import Platform
from ops.typed import Converter

TIMEOUT = 6
"""Seconds for connecting and querying."""

SCRIPT = f"""
export PGUSER="${{POSTGRES_USER:-postgres}}" PGCONNECT_TIMEOUT=3 PGAPPNAME=videa-doctor
if [ -n "${{POSTGRES_PASSWORD_FILE:-}}" ]; then PGPASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"
else PGPASSWORD="${{POSTGRES_PASSWORD:-}}"; fi
export PGPASSWORD PGDATABASE="${{POSTGRES_DB:-$PGUSER}}"
export PGOPTIONS="-c statement_timeout=3000 -c lock_timeout=500"
printf %s "$1" | timeout {TIMEOUT} psql --no-psqlrc --no-password --quiet --tuples-only --no-align
"""
"""Runs the SQL in its first argument with time limits; for ``sh -c`` in PostgreSQL's container."""

TIMED_OUT = 124
_FACTS = Converter(PostgresFacts)
_FULL = ("too many clients", "remaining connection slots")
_HIDDEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))"""
    r"""|[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)|'(?:[^']|'')*(?:'|\Z)|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)"""
    r"""|(?<![\w$])\d+(?:\.\d+)?\b""",
    re.DOTALL,
)
"""Comments, strings of all kinds, and numbers. In a truncated statement, the last string may be unterminated."""


def postgres_facts(platform: Platform, service: str, container: str, batch: str = BATCH) -> PostgresFacts:
    """Runs ``batch`` on the server in ``container``. Raises EngineError and Skip."""
    answer = platform.ask(container, ["sh", "-c", SCRIPT, "videa-doctor", batch])
    if answer.code in (126, 127):
        raise Skip(f"{container} has no psql: {_last_line(answer.output)}")
    sections = read_sections(answer.output)
    if "server" in sections:
        return replace(read(service, container, sections), broken_off=broken_off(answer))
    return refused(service, container, answer)


def refused(service: str, container: str, answer: ExecResult) -> PostgresFacts:
    """The facts if the server did not answer."""
    reason = f"no answer within {TIMEOUT} s" if answer.code == TIMED_OUT else _last_line(answer.output)
    full = any(text in answer.output for text in _FULL)
    return PostgresFacts(service, container, False, reason, full, denied=refused_by_postgres(reason))


def broken_off(answer: ExecResult) -> str:
    """Why the client exited before its last query; "" if it did not. An error in one section does not stop it."""
    if answer.ok:
        return ""
    if answer.code == TIMED_OUT:
        return f"the answer was not complete within {TIMEOUT} s"
    said = [line.strip() for line in answer.output.splitlines() if line.strip() and not line.startswith("{")]
    reason = next((line for line in said if "FATAL" in line or "terminat" in line), said[-1] if said else "no reason")
    return f"{reason[:300]} (exit code {answer.code})"


def read_sections(output: str) -> dict[str, Any]:
    """The JSON objects in psql's output, merged; other lines, such as the error of a section, are ignored."""
    sections: dict[str, Any] = {}
    for line in output.splitlines():
        if line.startswith("{"):
            with suppress(msgspec.DecodeError):
                sections.update(msgspec.json.decode(line))
    return sections


def read(service: str, container: str, sections: dict[str, Any]) -> PostgresFacts:
    """The facts in the batch's output. Raises msgspec.ValidationError."""
    values = {**sections, **sections["server"]}
    for name in ("sessions", "statements"):
        if name in values:
            values[name] = [{**row, "query": without_literals(row["query"])} for row in values[name]]
    return _FACTS.convert({"service": service, "container": container, "up": True, "gap": GAP, **values})


def without_literals(statement: str) -> str:
    """The statement in one line, with ? for every value: values may be personal data."""
    bare = _HIDDEN.sub(lambda match: " " if match["comment"] else "?", statement)
    return " ".join(bare.split())[:200]


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "psql printed nothing"
