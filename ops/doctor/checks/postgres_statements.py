"""PostgreSQL rejects statements of the replicas, according to their logs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.checks.postgres_access import quoted, used_roles
from ops.doctor.checks.sessions import OWN_DATABASE, psql
from ops.doctor.facts import Facts
from ops.doctor.facts_postgres import PostgresFacts
from ops.doctor.limits import Limits
from ops.doctor.sources import CONTAINERS, POSTGRES_UP
from ops.doctor.words import listing

STATEMENTS = "pg.statements"
_NO_RIGHT = re.compile(r"permission denied for (table|view|sequence|schema|function|relation|database) (\S+)")
_KINDS = {"view": "TABLE", "relation": "TABLE"}
_RIGHTS = {
    "TABLE": "SELECT, INSERT, UPDATE, DELETE",
    "SEQUENCE": "USAGE, SELECT",
    "SCHEMA": "USAGE",
    "DATABASE": "CONNECT",
}
"""Kind of object -> the privileges that an application needs."""


def statements(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Statements fail for a lasting reason: a missing privilege, table or column, or too little shared memory."""
    postgres = present(facts.postgres)
    told = [
        (name, group)
        for name, groups in facts.logs.items()
        for group in groups
        if group.sign == STATEMENTS and group.goes_on(facts.taken)
    ]
    if not told:
        return
    text = max((group for _, group in told), key=lambda group: group.count).text
    title, cure = _meaning(facts, postgres, text)
    yield Finding(
        STATEMENTS,
        Severity.FAIL,
        f"PostgreSQL refuses statements of {listing(sorted({name for name, _ in told}))}: {title}",
        "\n".join(f"{name}: {group.count} x {group.text}" for name, group in told[:5]),
        "each request that needs them fails, on every replica",
        cure,
        subject=postgres.container,
    )


def _meaning(facts: Facts, postgres: PostgresFacts, text: str) -> tuple[str, str]:
    if match := _NO_RIGHT.search(text):
        kind, name = match[1], match[2].rstrip(".,;")
        sort = _KINDS.get(kind, kind.upper())
        role = next((quoted(role.name) for role in used_roles(facts, postgres)), "ROLE")
        grant = f"GRANT {_RIGHTS.get(sort, 'EXECUTE')} ON {sort} {name} TO {role}"
        return f"it has no right on {kind} {name}", psql(facts, postgres, grant, database=OWN_DATABASE)
    if "shared memory segment" in text:
        return (
            "there is no shared memory left",
            f"raise shm_size of {postgres.service} in the Compose file, then: videa up --recreate {postgres.service}\n"
            "until then, without parallel queries: "
            + psql(facts, postgres, "ALTER SYSTEM SET max_parallel_workers_per_gather = 0", "SELECT pg_reload_conf()"),
        )
    query = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^pg_'"
    return (
        "they name something that the database does not have",
        f"see what there is: {psql(facts, postgres, query, database=OWN_DATABASE)}\n"
        "if a release needs another schema: videa rollback; if it was dropped: restore it",
    )


CHECKS = (
    Check(
        STATEMENTS, Group.POSTGRES, "refused by right, name or memory F", "own", (POSTGRES_UP, CONTAINERS), statements
    ),
)
