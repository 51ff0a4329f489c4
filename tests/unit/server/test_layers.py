"""The server stands alone, and only one of its files knows each client library."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[3] / "server"
ONLY_IN = {
    "aiopg": {"database_connection.py", "database_session.py", "postgres.py"},
    "psycopg2": {"postgres.py", "database_session.py"},
    "redis": {"cache.py", "redis_connection.py"},
    "hiredis": {"resp.py"},
    "jwt": {"auth/tokens.py"},
    "argon2": {"auth/passwords.py"},
    "prometheus_client": {"exposition.py"},
    "aiohttp_jinja2": {"pages.py"},
    "jinja2": {"pages.py"},
    "ops": set(),
    "videa_cli": set(),
}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_known_only_where_it_belongs(library: str) -> None:
    users = {str(path.relative_to(SERVER)) for path in SERVER.rglob("*.py") if library in imported(path)}
    assert users == ONLY_IN[library]
