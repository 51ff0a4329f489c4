"""PostgreSQL is running but rejects logins: because of a password, role, database, or session limit."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import chain

from ops.contract import DATABASE
from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.checks.sessions import psql
from ops.doctor.facts import Facts
from ops.doctor.facts_postgres import PostgresFacts, Role
from ops.doctor.limits import Limits
from ops.doctor.refusals import CLOSED, NO_LOGIN, refused_by_postgres
from ops.doctor.sources import POSTGRES, POSTGRES_UP, part_of_postgres
from ops.doctor.words import listing

_USER = re.compile(r'(?:user|role) "([^"]+)"')
_DATABASE = re.compile(r'database "([^"]+)"')


def auth(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """PostgreSQL rejects the login of the doctor or of an instance, or will reject the next one."""
    postgres = present(facts.postgres)
    refused = {
        instance.name: instance.database_error
        for instance in facts.instances or []
        if instance.database == "fail" and refused_by_postgres(instance.database_error)
    }
    if not refused and not postgres.denied:
        yield from _next_login(facts, postgres)
        return
    who = listing(list(refused)) if refused else "the doctor"
    error = next(iter(refused.values()), postgres.error)
    yield Finding(
        "pg.auth",
        Severity.FAIL,
        f"PostgreSQL ({postgres.service}) is running, but refuses the login of {who}",
        error,
        "on these instances every read that is not cached, and every write, fails"
        if refused
        else "its state is unknown, and new connections of the instances may fail, too",
        _login(facts, postgres, list(refused), error),
        subject=postgres.container,
    )


def _next_login(facts: Facts, postgres: PostgresFacts) -> Iterator[Finding]:
    """Logins that will be rejected: open sessions continue even if their role may no longer log in."""
    for role in used_roles(facts, postgres):
        if role.login and not role.expired:
            continue
        yield Finding(
            "pg.auth",
            Severity.FAIL,
            f"PostgreSQL ({postgres.service}) refuses new connections of {role.name}",
            f"the role {role.name} {'may not log in' if not role.login else 'has a password that is no longer valid'}",
            "open connections keep working, but each new one fails: after a restart, under load, on a new replica",
            _admit(facts, postgres, role.name, role),
            subject=postgres.container,
        )


def used_roles(facts: Facts, postgres: PostgresFacts) -> list[Role]:
    """The roles that the replicas' sessions use."""
    addresses = {address for replica in facts.replicas for address in replica.addresses}
    users = {session.user for session in postgres.clients if session.client in addresses}
    return [role for role in postgres.roles or [] if role.name in users]


def _login(facts: Facts, postgres: PostgresFacts, refused: list[str], error: str) -> str:
    """The fix for a rejected login."""
    cure = _without_login(facts, postgres, error) or _without_database(facts, postgres, error)
    if cure:
        return cure
    if "pg_hba.conf" in error:
        rules = "SELECT line_number, type, database, user_name, address, auth_method, error FROM pg_hba_file_rules"
        return (
            f"see its rules: {psql(facts, postgres, rules)}\ncorrect them in the file, then:"
            f" {psql(facts, postgres, 'SELECT pg_reload_conf()')}"
        )
    return _password(facts, postgres, refused, error) if refused else _own_login(facts, postgres)


def _without_login(facts: Facts, postgres: PostgresFacts, error: str) -> str:
    user = _USER.search(error)
    known = next((role for role in postgres.roles or [] if user and role.name == user[1]), None)
    if user and (NO_LOGIN in error or (known and known.expired)):
        return _admit(facts, postgres, user[1], known)
    return ""


def _without_database(facts: Facts, postgres: PostgresFacts, error: str) -> str:
    database = _DATABASE.search(error)
    if database and CLOSED in error:
        return psql(facts, postgres, f"ALTER DATABASE {quoted(database[1])} ALLOW_CONNECTIONS true")
    if database and "does not exist" in error:
        show = psql(facts, postgres, "SELECT datname FROM pg_database")
        return (
            f"see which databases there are: {show}\nif {database[1]} was renamed: ALTER DATABASE ... RENAME TO"
            f" {quoted(database[1])}; else restore a backup"
        )
    return ""


def _password(facts: Facts, postgres: PostgresFacts, refused: list[str], error: str) -> str:
    """The fix for a wrong password. If the rejected replicas and PostgreSQL's container were given the same password,
    that one is correct and is set again; a single replica with a different password is recreated.
    """
    running = [replica for replica in facts.replicas if replica.running]
    given = {replica.passwords.get(DATABASE) for replica in running if replica.name in refused}
    if {replica.passwords.get(DATABASE) for replica in running} - given:
        return f"{listing(refused)} was given another password than the others: videa deploy --force"
    own = {
        mark: name
        for each in facts.containers or []
        if each.name == postgres.container
        for name, mark in each.passwords.items()
    }
    variables = [own[mark] for mark in given if mark in own]
    user = _USER.search(error)
    if "password authentication failed" not in error or not variables or not user or "'" in user[1]:
        return (
            f"set a valid user, password and database in {DATABASE} of {facts.service}, then videa deploy\n"
            "a volume keeps its first password, even if .env has changed since"
        )
    role = quoted(user[1]).replace('"', '\\"')
    script = (
        f'printf "%s\\n" "\\\\getenv password {variables[0]}" "ALTER ROLE {role} PASSWORD :\'password\';"'
        ' | psql -U "$POSTGRES_USER" -d postgres'
    )
    return f"docker compose exec {postgres.service} sh -c {shlex.quote(script)}"


def _admit(facts: Facts, postgres: PostgresFacts, name: str, role: Role | None) -> str:
    """The command that allows a role to log in."""
    valid = " VALID UNTIL 'infinity'" if role and role.expired else ""
    login = "" if role and role.login else " LOGIN"
    return psql(facts, postgres, f"ALTER ROLE {quoted(name)}{login}{valid}")


def quoted(name: str) -> str:
    """A name as a quoted SQL identifier."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _own_login(facts: Facts, postgres: PostgresFacts) -> str:
    if postgres.service in facts.services:
        return f"set POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB of {postgres.service} to those of its volume"
    return f"set a valid user, password and database in {DATABASE} of {facts.service}, then videa deploy"


def session_limit(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The connection limit of the replicas' role or database is lower than what their pools may open."""
    postgres = present(facts.postgres)
    pools = [replica.pool_limit for replica in facts.replicas if replica.running and replica.pool_limit]
    roles = used_roles(facts, postgres)
    users = {role.name for role in roles}
    database = postgres.database
    bounds = chain(
        ((f"role {role.name}", f"ROLE {quoted(role.name)}", role.limit) for role in roles),
        ((f"database {each.name}", f"DATABASE {quoted(each.name)}", each.limit) for each in [database] if each),
    )
    used = sum(1 for session in postgres.clients if session.user in users)
    for name, sql, most in bounds:
        if 0 <= most < sum(pools):
            yield Finding(
                "pg.session_limit",
                Severity.FAIL,
                f"the {name} may have {most} sessions, and the replicas' pools may open {sum(pools)}",
                f"CONNECTION LIMIT {most}; the replicas have {used} now",
                "a new connection beyond it is refused, although PostgreSQL has free ones",
                psql(facts, postgres, f"ALTER {sql} CONNECTION LIMIT -1"),
                subject=postgres.container,
            )


CHECKS = (
    Check("pg.auth", Group.POSTGRES, "login refused F", "own", (POSTGRES,), auth),
    Check(
        "pg.session_limit",
        Group.POSTGRES,
        "sum of pools > CONNECTION LIMIT of role or database F",
        "own",
        (POSTGRES_UP, part_of_postgres("roles")),
        session_limit,
    ),
)
