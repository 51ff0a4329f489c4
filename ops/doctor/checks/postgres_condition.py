"""PostgreSQL: settings that endanger data or block commits, and existing damage."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.checks.sessions import OWN_DATABASE, psql
from ops.doctor.facts import Facts
from ops.doctor.facts_postgres import PostgresFacts, Setting
from ops.doctor.limits import Limits
from ops.doctor.sources import POSTGRES, POSTGRES_UP, part_of_postgres
from ops.doctor.words import listing, span

_IN_FILE = "configuration file"
"""The source of a setting that ALTER SYSTEM can change."""
_RELOAD = "SELECT pg_reload_conf()"
_DANGEROUS = {
    ("fsync", "off"): "a crash of the machine may damage all data",
    ("full_page_writes", "off"): "a crash of the machine may damage blocks",
    ("autovacuum", "off"): "dead rows are never removed, and in the end no transaction id is left",
    ("track_counts", "off"): "autovacuum does not see how much there is to do",
    ("zero_damaged_pages", "on"): "rows in damaged blocks vanish without an error",
    ("ignore_checksum_failure", "on"): "damaged blocks are accepted as good ones",
}
"""The consequences of a value, from the manual (chapters Write Ahead Log, Automatic Vacuuming, Developer Options)."""
_OF_STORAGE = ("fsync", "full_page_writes")
"""A managed server outside the project may turn these off: its storage writes whole blocks."""
_SYNC = "synchronous_standby_names"
_WAITS = "IPC:SyncRep"
_LISTEN = "listen_addresses"
_LOOPBACK = {"", "localhost", "127.0.0.1", "::1"}
_STOPPED_BY = (
    ('requires "wal_level"', "wal_level"),
    ('when "wal_level" is', "wal_level"),
    ("could not create any TCP/IP sockets", _LISTEN),
    ("could not access file", "shared_preload_libraries"),
    ("could not load library", "shared_preload_libraries"),
)
"""(PostgreSQL's message when it cannot start, the setting that causes it)."""


def _setting(postgres: PostgresFacts, name: str) -> Setting | None:
    return next((each for each in present(postgres.settings) if each.name == name), None)


def settings(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Settings that no server with important data should have."""
    postgres = present(facts.postgres)
    wrong = [
        each
        for each in present(postgres.settings)
        if (each.name, each.value) in _DANGEROUS and (postgres.container or each.name not in _OF_STORAGE)
    ]
    if wrong:
        yield Finding(
            "pg.settings",
            Severity.WARN,
            f"PostgreSQL runs with {listing([f'{each.name} {each.value}' for each in wrong])}",
            "\n".join(f"{each.name} is {each.value}: {each.source}" for each in wrong),
            "; ".join(_DANGEROUS[each.name, each.value] for each in wrong),
            "\n".join(_reset(facts, postgres, wrong)),
            subject=postgres.container,
        )


def _reset(facts: Facts, postgres: PostgresFacts, wrong: list[Setting]) -> Iterator[str]:
    in_file = [each for each in wrong if each.source == _IN_FILE]
    if in_file:
        right = [f"ALTER SYSTEM SET {each.name} = {'off' if each.value == 'on' else 'on'}" for each in in_file]
        yield psql(facts, postgres, *right, _RELOAD)
    others = [each.name for each in wrong if each not in in_file]
    if others:
        yield f"remove {listing(others)} from the command of {postgres.service} in the Compose file"
        yield f"docker compose up -d {postgres.service}"


def sync(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Commits wait for a standby that is not connected."""
    postgres = present(facts.postgres)
    names = _setting(postgres, _SYNC)
    if names is None or not names.value or any(standby.awaited for standby in postgres.standbys or []):
        return
    waiting = [session for session in postgres.clients if session.wait == _WAITS]
    yield Finding(
        "pg.sync",
        Severity.FAIL,
        "PostgreSQL's commits wait for a standby that is not connected",
        f"{_SYNC} = {names.value}; connected standbys: {len(postgres.standbys or [])}, none of them is one of these\n"
        f"sessions that wait for it now: {len(waiting)}",
        "each write hangs until its time limit, and holds its connection",
        f"start the standby, or continue without it:\n{psql(facts, postgres, f'ALTER SYSTEM RESET {_SYNC}', _RELOAD)}"
        if names.source == _IN_FILE
        else f"start the standby, or remove {_SYNC} from the command of {postgres.service}, then:"
        f" docker compose up -d {postgres.service}",
        subject=postgres.container,
    )


def damage(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Blocks on disk are damaged: their checksums are wrong."""
    postgres = present(facts.postgres)
    found = present(postgres.damage)
    if found.failures:
        reset = psql(facts, postgres, "SELECT pg_stat_reset()", database=OWN_DATABASE)
        yield Finding(
            "pg.damage",
            Severity.FAIL,
            "PostgreSQL has read damaged blocks",
            f"{found.failures} blocks with a wrong checksum"
            + (f", the last one {span(found.age)} ago" if found.age is not None else ""),
            "statements that read them fail, and backups of the last days may have the damage, too",
            "check the disk, and restore what is damaged from a backup: the log names the files"
            f" (docker compose logs {postgres.service} | grep -i checksum)\n"
            f"afterwards, count from zero: {reset}",
            subject=postgres.container,
        )


def config(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """PostgreSQL's configuration has errors: it does not start, or keeps its old settings but would not restart."""
    postgres = present(facts.postgres)
    said = [(line, name) for line in postgres.log for words, name in _STOPPED_BY if words in line]
    if said and not postgres.up:
        line, name = said[-1]
        yield Finding(
            "pg.config",
            Severity.FAIL,
            f"PostgreSQL ({postgres.service}) cannot start with its setting {name}",
            line,
            "every read that is not cached, and every write, fails",
            _taken_out(postgres, name, facts.restarting(postgres.container)),
            subject=postgres.container,
        )
    elif errors := postgres.file_errors:
        number, place = errors[0].line, errors[0].file
        run = f"docker compose exec {postgres.service}"
        yield Finding(
            "pg.config",
            Severity.FAIL,
            "PostgreSQL's configuration on disk has errors",
            "\n".join(
                f"{each.file}:{each.line}: {(each.name + ': ') * bool(each.name)}{each.error}" for each in errors[:5]
            ),
            "it keeps the old settings, and cannot start again once it has stopped",
            f"see the line: {run} sed -n {number}p {place}\nto take it out: {run} sed -i '{number}s/^/#/' {place}\n"
            f"then: {psql(facts, postgres, _RELOAD)}",
            subject=postgres.container,
        )


def _taken_out(postgres: PostgresFacts, name: str, waits: bool) -> str:
    """The fix that removes a setting. ALTER SYSTEM writes to a separate file, which a stopped server cannot change."""
    script = f'sed -i "/^{name} /d" "$PGDATA/postgresql.auto.conf"'
    run = f"docker compose run --rm --no-deps --entrypoint sh {postgres.service} -c '{script}'"
    return (
        f"if ALTER SYSTEM has set it: {run}\nelse correct {name} in the Compose file or in postgresql.conf\n"
        f"then: docker compose {'restart' if waits else 'up -d'} {postgres.service}"
    )


def listen(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """PostgreSQL accepts connections only from its own container."""
    postgres = present(facts.postgres)
    place = _setting(postgres, _LISTEN)
    if place is None or not postgres.container or not set(place.value.replace(" ", "").split(",")) <= _LOOPBACK:
        return
    restart = f"docker compose restart {postgres.service}"
    yield Finding(
        "pg.listen",
        Severity.FAIL,
        f"PostgreSQL ({postgres.service}) accepts connections from its own container only",
        f"{_LISTEN} = '{place.value}': {place.source}",
        "no replica can connect",
        f"{psql(facts, postgres, f'ALTER SYSTEM RESET {_LISTEN}')}\n{restart}"
        if place.source == _IN_FILE
        else f"remove {_LISTEN} from the command of {postgres.service}, then: docker compose up -d {postgres.service}",
        subject=postgres.container,
    )


def collation(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The sort order of text (a collation's version) has changed, for example with a new image."""
    postgres = present(facts.postgres)
    changed = present(postgres.collations)
    if changed:
        own = [each for each in changed if each.database]
        refresh = [
            psql(
                facts,
                postgres,
                f"ALTER {'DATABASE' if each.database else 'COLLATION'} {each.name} REFRESH"
                f"{' COLLATION' if each.database else ''} VERSION",
                database=OWN_DATABASE,
            )
            for each in changed[:5]
        ]
        name = own[0].name if own else ""
        reindex = psql(facts, postgres, f"REINDEX DATABASE CONCURRENTLY {name}".strip(), database=OWN_DATABASE)
        yield Finding(
            "pg.collation",
            Severity.WARN,
            f"the rules of {listing([each.name for each in changed])} for sorting text have changed",
            "\n".join(f"{each.name}: made with {each.recorded}, now {each.actual}" for each in changed[:5]),
            "indexes on text may miss rows, and unique ones may accept duplicates",
            "\n".join([reindex, *refresh]),
            subject=postgres.container,
        )


_PG, _UP = Group.POSTGRES, POSTGRES_UP
CHECKS = (
    Check("pg.sync", _PG, "awaited standby not connected F", "own", (_UP, part_of_postgres("settings")), sync),
    Check("pg.settings", _PG, "dangerous value W", "PostgreSQL manual", (_UP, part_of_postgres("settings")), settings),
    Check("pg.damage", _PG, "wrong checksum F", "PostgreSQL manual", (_UP, part_of_postgres("damage")), damage),
    Check("pg.config", _PG, "refused, or no start F", "own", (POSTGRES,), config, (part_of_postgres("file_errors"),)),
    Check("pg.listen", _PG, "loopback only F", "own", (_UP, part_of_postgres("settings")), listen),
    Check(
        "pg.collation", _PG, "version differs W", "PostgreSQL manual", (_UP, part_of_postgres("collations")), collation
    ),
)
