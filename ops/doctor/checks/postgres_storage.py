"""PostgreSQL's tables, indexes, sequences and transaction ids: slow growth that can stop the server."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.checks.sessions import OWN_DATABASE, psql
from ops.doctor.facts import Facts
from ops.doctor.facts_postgres import PostgresFacts, Sequence, Table
from ops.doctor.limits import Limits
from ops.doctor.sources import ALL_SEQUENCES, POSTGRES_UP, part_of_postgres
from ops.doctor.words import listing, share, span


def _sql(facts: Facts, *statements: str) -> str:
    return psql(facts, present(facts.postgres), *statements, database=OWN_DATABASE)


def _vacuum(facts: Facts, table: Table) -> str:
    return _sql(facts, f"VACUUM (ANALYZE) {table.name}")


def dead_tuples(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Dead rows that vacuum has not removed."""
    bloated = [
        table
        for table in present(present(facts.postgres).tables)
        if table.dead > limits.pg_dead_tuples and table.dead / (table.dead + table.live) >= limits.pg_dead_share
    ]
    if bloated:
        yield Finding(
            "pg.dead_tuples",
            Severity.WARN,
            f"{listing([table.name for table in bloated])}: many dead rows",
            "\n".join(
                f"{table.name}: {table.dead} dead of {table.dead + table.live}"
                f" ({share(table.dead / (table.dead + table.live))})"
                for table in bloated[:5]
            ),
            "every scan reads them, and an old transaction may block vacuum",
            f"{_vacuum(facts, bloated[0])}\nlower autovacuum_vacuum_scale_factor for these tables",
        )


def autovac_stale(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Tables with dead rows that have not been vacuumed for a long time."""
    stale = [
        table
        for table in present(present(facts.postgres).tables)
        if table.vacuum_age is not None
        and table.vacuum_age > limits.pg_vacuum_age
        and table.dead > limits.pg_vacuum_dead
    ]
    if stale:
        yield Finding(
            "pg.autovac_stale",
            Severity.WARN,
            f"{listing([table.name for table in stale])} not vacuumed for a long time",
            "\n".join(
                f"{table.name}: {span(table.vacuum_age or 0)} ago, {table.dead} dead rows" for table in stale[:5]
            ),
            "dead rows and old statistics make queries slower and slower",
            f"{_vacuum(facts, stale[0])}\ncheck that autovacuum is on and not blocked by an old transaction",
        )


def xid(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Transaction ids run out, after which PostgreSQL refuses writes."""
    left = present(facts.postgres).xids_left
    if left is not None and left < limits.pg_xids_left:
        yield Finding(
            "pg.xid",
            Severity.FAIL,
            f"{left:,} transaction ids are left",
            f"{left:,} until PostgreSQL stops accepting writes",
            "at zero, every write is refused until a long vacuum ends",
            _freeze(present(facts.postgres), facts)
            + "\nbefore, end old transactions and prepared ones, which keep it from freezing: videa db",
        )


def _freeze(postgres: PostgresFacts, facts: Facts) -> str:
    if postgres.service not in facts.services:
        return "vacuumdb --all --freeze"
    return f"docker compose exec {postgres.service} sh -c 'vacuumdb -U \"$POSTGRES_USER\" --all --freeze'"


def sequence(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A sequence is nearly used up."""
    nearly_used = [
        item
        for item in present(present(facts.postgres).sequences)
        if item.last / max(item.most, 1) > limits.pg_sequence
    ]
    if nearly_used:
        over = [item.name for item in nearly_used if item.last >= item.most]
        yield Finding(
            "pg.sequence",
            Severity.FAIL if over else Severity.WARN,
            f"{listing(over)}: no value left"
            if over
            else f"{listing([item.name for item in nearly_used])}:"
            f" {share(nearly_used[0].last / nearly_used[0].most)} used",
            "\n".join(f"{item.name}: {item.last:,} of {item.most:,}" for item in nearly_used[:5]),
            "every insert into its table fails" if over else "at 100%, every insert into its table fails",
            "\n".join(_longer(facts, item) for item in nearly_used[:3]),
        )


def _longer(facts: Facts, item: Sequence) -> str:
    """The command that changes a sequence and its column to bigint."""
    sequence = f"ALTER SEQUENCE {item.name} AS bigint NO MAXVALUE"
    if not item.column:
        return _sql(facts, sequence)
    table, _, column = item.column.rpartition(".")
    return (
        f"{_sql(facts, f'ALTER TABLE {table} ALTER COLUMN {column} TYPE bigint', sequence)}\n"
        f"it rewrites {table}, which cannot be read or written meanwhile"
    )


def bad_index(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Invalid and duplicate indexes."""
    bad = present(present(facts.postgres).bad_indexes)
    if bad:
        yield Finding(
            "pg.bad_index",
            Severity.WARN,
            f"{listing([index.name for index in bad])}: {' and '.join(sorted({index.problem for index in bad}))} index",
            "\n".join(
                f"{index.name} on {index.table}: {index.problem}{f' of {index.twin}' if index.twin else ''}"
                for index in bad[:5]
            ),
            "each write maintains it, and no query uses it",
            "\n".join(
                _sql(facts, f"{'REINDEX' if index.problem == 'invalid' else 'DROP'} INDEX CONCURRENTLY {index.name}")
                for index in bad[:3]
            ),
        )


CHECKS = (
    Check(
        "pg.dead_tuples",
        Group.POSTGRES,
        "> 10k and >= 10% W",
        "awesome-prometheus-alerts",
        (POSTGRES_UP, part_of_postgres("tables")),
        dead_tuples,
    ),
    Check(
        "pg.autovac_stale",
        Group.POSTGRES,
        "> 10 d with > 1k dead rows W",
        "awesome-prometheus-alerts",
        (POSTGRES_UP, part_of_postgres("tables")),
        autovac_stale,
    ),
    Check("pg.xid", Group.POSTGRES, "< 10M left F", "PgHero", (POSTGRES_UP,), xid),
    Check(
        "pg.sequence",
        Group.POSTGRES,
        "> 90% used W, all F",
        "PgHero",
        (POSTGRES_UP, part_of_postgres("sequences")),
        sequence,
        (ALL_SEQUENCES,),
    ),
    Check(
        "pg.bad_index",
        Group.POSTGRES,
        "invalid or duplicate W",
        "PgHero",
        (POSTGRES_UP, part_of_postgres("bad_indexes")),
        bad_index,
    ),
)
