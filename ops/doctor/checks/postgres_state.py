"""PostgreSQL: states in which it is running but cannot serve the instances."""

from __future__ import annotations

from collections.abc import Iterator

from ops.contract import DATABASE
from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.checks.sessions import holding, psql, rollback
from ops.doctor.facts import Facts
from ops.doctor.facts_postgres import PostgresFacts
from ops.doctor.limits import Limits
from ops.doctor.sources import POSTGRES_UP, part_of_postgres
from ops.doctor.words import span

_ON_THE_SERVER = ("command line", "configuration file", "environment variable")


def read_only(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """PostgreSQL accepts no writes: it is a standby, or transactions are read-only by default."""
    postgres = present(facts.postgres)
    if postgres.in_recovery:
        yield Finding(
            "pg.read_only",
            Severity.FAIL,
            f"PostgreSQL ({postgres.service}) is a standby: it refuses every write",
            f"pg_is_in_recovery() is true; last replayed change {span(postgres.replay_age or 0)} ago",
            f"{DATABASE} of {facts.service} points to it: every write fails",
            f"set {DATABASE} to the primary, then videa deploy\n"
            f"if the primary is gone for good: {psql(facts, postgres, 'SELECT pg_promote()')}",
            subject=postgres.container,
        )
        return
    places = [place for place in present(postgres.read_only) if _concerns(place, facts, postgres)]
    if places:
        yield Finding(
            "pg.read_only",
            Severity.FAIL,
            f"PostgreSQL ({postgres.service}) is read-only: it refuses every write",
            "\n".join(f"default_transaction_read_only is on: {place}" for place in places),
            "every write of the instances fails",
            "\n".join(_writable(place, facts, postgres) for place in places),
            subject=postgres.container,
        )


def _concerns(place: str, facts: Facts, postgres: PostgresFacts) -> bool:
    """Whether the place matters: a role that no replica uses, such as one for reports, may be read-only on purpose."""
    if not place.startswith("ROLE "):
        return True
    addresses = {address for replica in facts.replicas for address in replica.addresses}
    role = place.removeprefix("ROLE ").partition(" IN DATABASE ")[0].strip('"')
    return any(session.user == role and session.client in addresses for session in postgres.clients)


def _writable(place: str, facts: Facts, postgres: PostgresFacts) -> str:
    if place == "configuration file":
        statements = ("ALTER SYSTEM SET default_transaction_read_only = off", "SELECT pg_reload_conf()")
        return psql(facts, postgres, *statements)
    if place in _ON_THE_SERVER:
        return (
            f"remove default_transaction_read_only from the command of {postgres.service} in the Compose file\n"
            f"docker compose up -d {postgres.service}"
        )
    reset = psql(
        facts,
        postgres,
        "SET default_transaction_read_only = off",
        f"ALTER {place} RESET default_transaction_read_only",
    )
    return f"{reset}\nopen sessions keep it until they end: videa deploy"


def crashed(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A backend crashed or was killed, and PostgreSQL ended all sessions and recovered, without a restart."""
    postgres = present(facts.postgres)
    age = postgres.recovered
    if age is not None and age < limits.pg_crashed_warn:
        yield Finding(
            "pg.crashed",
            Severity.FAIL if age < limits.pg_crashed_fail else Severity.WARN,
            f"a process of PostgreSQL crashed or was killed {span(age)} ago",
            f"it recovered {span(age)} ago, in a server that has been up for {span(postgres.uptime)}",
            "all sessions were ended, and their transactions rolled back",
            "it works again, and this is shown for an hour; preventing it from happening again is up to you\n"
            f"find the reason: docker compose logs --since 1h {postgres.service} | grep -A 2 'terminated by signal'\n"
            f"signal 9 is mostly lack of memory: raise deploy.resources.limits.memory of {postgres.service},"
            f" then: videa up --recreate {postgres.service}",
            subject=postgres.container,
        )


def prepared(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Prepared transactions that are neither committed nor rolled back."""
    postgres = present(facts.postgres)
    old = [
        each
        for each in present(postgres.prepared)
        if each.age > limits.pg_idle_in_tx_warn or (each.blocks and each.age > limits.pg_blocked_warn)
    ]
    if not old:
        return
    blocking = [each for each in old if each.blocks]
    worst = max(old, key=lambda each: each.age)
    yield Finding(
        "pg.prepared",
        Severity.FAIL if blocking or worst.age > limits.pg_idle_in_tx_fail else Severity.WARN,
        f"{len(old)} prepared transaction{'s' if len(old) > 1 else ''} left open, the oldest for {span(worst.age)}",
        "\n".join(
            f"{holding(each)}, in {each.database}: sessions that wait for it: {len(each.blocks)}" for each in old[:5]
        ),
        "it keeps its locks over restarts, and prevents vacuum from removing dead rows",
        "\n".join(rollback(facts, postgres, each) for each in old[:5])
        + "\nif its coordinator has committed the other parts: COMMIT PREPARED instead",
        subject=postgres.container,
    )


_PG = Group.POSTGRES
CHECKS = (
    Check(
        "pg.read_only",
        _PG,
        "standby, or read-only by default F",
        "own",
        (POSTGRES_UP, part_of_postgres("read_only")),
        read_only,
    ),
    Check("pg.crashed", _PG, "recovered < 1 h ago W, < 5 min F", "own", (POSTGRES_UP,), crashed),
    Check(
        "pg.prepared",
        _PG,
        "> 60 s W, > 300 s or > 5 s with waiting sessions F",
        "own",
        (POSTGRES_UP, part_of_postgres("prepared")),
        prepared,
    ),
)
