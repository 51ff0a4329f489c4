"""The batch for psql and what becomes of its output: statements without the values of users."""

from __future__ import annotations

import json

import pytest

from ops.doctor.collectors import postgres
from ops.doctor.collectors.postgres_sql import BATCH


def test_statements_are_shown_without_values() -> None:
    statement = "SELECT *\n FROM users WHERE email = 'ann@example.org' AND id = 42 AND name = 'O''Hara'"
    assert postgres.without_literals(statement) == "SELECT * FROM users WHERE email = ? AND id = ? AND name = ?"


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("UPDATE users SET bio = 'the server cuts it off in the midd", "UPDATE users SET bio = ?"),
        (r"SELECT E'it\'s mine', 5", "SELECT ?, ?"),
        ("SELECT $$mine$$, $a$mine$$too$a$, $1", "SELECT ?, ?, $1"),
        ("-- ann's own\nSELECT 'a -- b', 1 /* not\nmine */", "SELECT ?, ?"),
    ],
)
def test_no_kind_of_string_and_no_comment_is_shown(statement: str, shown: str) -> None:
    assert postgres.without_literals(statement) == shown


def test_the_batch_becomes_facts() -> None:
    row = {"pid": 1, "user": "app", "application": "x", "client": "", "state": "active", "kind": "client backend"}
    row |= {"wait": "", "query": "SELECT 'secret'", "state_age": 1.5, "xact_age": None, "query_age": 2}
    server = {"version": 170000, "uptime": 5, "max_connections": 100, "reserved": 3}
    sections = [{"server": server}, {"sessions": [{**row, "blocked_by": [7]}]}]
    output = "\n".join(["ERROR:  permission denied", *map(json.dumps, sections)])
    facts = postgres.read("db", "app-db-1", postgres.read_sections(output))
    assert facts.up
    assert facts.usable == 97
    assert facts.clients[0].query == "SELECT ?"
    assert facts.clients[0].blocked_by == [7]


def test_the_plan_for_psql_selects_statements_by_version() -> None:
    assert BATCH.count("\\if :moved") == 4
    assert BATCH.count("\\if") == BATCH.count("\\endif")
    assert BATCH.index("pg_stat_bgwriter") < BATCH.index("\\! sleep") < BATCH.rindex("pg_stat_bgwriter")
