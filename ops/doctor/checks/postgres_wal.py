"""PostgreSQL's write-ahead log: what prevents its removal, and when it has filled its volume."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.checks.sessions import psql
from ops.doctor.facts import Facts
from ops.doctor.filling import seconds_left
from ops.doctor.limits import Limits
from ops.doctor.sources import POSTGRES_UP, part_of_postgres
from ops.doctor.words import listing, size, span

_WAL = (POSTGRES_UP, part_of_postgres("wal"))


def wal(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """WAL that is not removed."""
    postgres = present(facts.postgres)
    log, volume = present(postgres.wal), postgres.volume
    left = seconds_left(facts, limits, "wal", volume.free) if volume else None
    bound = limits.pg_wal * log.most + log.keep
    soon = left is not None and left < limits.fill_warn
    if log.size <= bound and not soon:
        return
    when = f": its volume is full in {span(left)}" if soon and left is not None else ""
    yield Finding(
        "pg.wal",
        Severity.FAIL if soon and left is not None and left < limits.fill_fail else Severity.WARN,
        f"PostgreSQL keeps {size(log.size)} of WAL{when}",
        f"{size(log.size)}, max_wal_size {size(log.most)}, {log.waiting} files wait for the archiver"
        + (f"\n{size(volume.free)} of {size(volume.size)} of the volume are free" if volume else ""),
        "on a full volume PostgreSQL stops, and cannot start again",
        f"{psql(facts, postgres, 'CHECKPOINT')}\n"
        "if that removes nothing, a slot, the archiver or wal_keep_size keeps it: videa doctor --only postgres",
        subject=postgres.container,
    )


def archive(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The archive command fails or is missing, so PostgreSQL keeps all WAL."""
    postgres = present(facts.postgres)
    archiver = present(postgres.archiver)
    if not archiver.on:
        return
    failing = archiver.failed_age is not None and (
        archiver.archived_age is None or archiver.failed_age < archiver.archived_age
    )
    waiting = postgres.wal.waiting if postgres.wal else 0
    if not failing and (archiver.command or not waiting):
        return
    last = "never" if archiver.archived_age is None else f"{span(archiver.archived_age)} ago"
    said = f"docker compose logs --tail 100 {postgres.service} | grep -A 2 archive"
    stop = psql(
        facts,
        postgres,
        *(("ALTER SYSTEM RESET archive_library",) if postgres.version >= 150000 else ()),
        "ALTER SYSTEM SET archive_command = '/bin/true'",
        "SELECT pg_reload_conf()",
    )
    yield Finding(
        "pg.archive",
        Severity.FAIL,
        "PostgreSQL cannot archive its WAL" if failing else "archive_mode is on, but there is no archive_command",
        f"{archiver.failed} attempts failed, the last for {archiver.failed_wal}; last archived: {last}"
        f"\narchive_command: {archiver.command}; {waiting} files wait"
        if failing
        else f"{waiting} files wait",
        "the backup has a gap, and PostgreSQL keeps all WAL until the disk is full",
        f"find the error: {said}\nafter it is mended, PostgreSQL tries again within a minute\n"
        f"if the archive is not needed: {stop}",
        subject=postgres.container,
    )


def slot_lag(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The reader of a slot is too slow, so the slot retains more and more WAL."""
    postgres = present(facts.postgres)
    free = postgres.volume.free if postgres.volume else float("inf")
    slots = [slot for slot in present(postgres.slots) if slot.active]
    left = {slot.name: seconds_left(facts, limits, f"slot {slot.name}", free) for slot in slots}
    late = [slot for slot in slots if (slot.retained or 0) > limits.pg_slot_lag or left[slot.name] is not None]
    if not late:
        return
    soonest = min((seconds for slot in late if (seconds := left[slot.name]) is not None), default=None)
    when = f": the volume is full in {span(soonest)}" if soonest is not None and soonest != float("inf") else ""
    names = ", ".join(f"'{slot.name}'" for slot in late)
    yield Finding(
        "pg.slot_lag",
        Severity.FAIL if soonest is not None and soonest < limits.fill_fail else Severity.WARN,
        f"replication slot {listing([slot.name for slot in late])}: its reader is behind{when}",
        "\n".join(f"{slot.name} keeps {size(slot.retained or 0)} of WAL" for slot in late),
        "PostgreSQL keeps WAL for it until the disk is full",
        f"if the reader hangs, make it connect again: {psql(facts, postgres, _reconnect(names))}"
        + "\nif it is too slow, bound what is kept for it: max_slot_wal_keep_size",
        subject=postgres.container,
    )


def _reconnect(names: str) -> str:
    return f"SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name IN ({names})"  # noqa: S608


_PG = Group.POSTGRES
CHECKS = (
    Check("pg.wal", _PG, "> 2 x max_wal_size W, volume full in < 24 h W, < 4 h F", "own", _WAL, wal),
    Check("pg.archive", _PG, "last attempt failed F", "own", (POSTGRES_UP, part_of_postgres("archiver")), archive),
    Check(
        "pg.slot_lag",
        _PG,
        "active, keeps > 1 GiB or ever more W",
        "own",
        (POSTGRES_UP, part_of_postgres("slots")),
        slot_lag,
    ),
)
