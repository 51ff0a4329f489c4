"""PostgreSQL's sessions in findings: their description, which ones block others, and the commands that end them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from ops.doctor.facts import Facts
from ops.doctor.facts_postgres import PostgresFacts, Prepared, Session
from ops.doctor.words import span

PREPARED_PID = 0
"""What pg_blocking_pids returns for a prepared transaction, which has no session."""
_CLIENT = "client backend"
OWN_DATABASE = ""
"""For ``psql``: the database with which the container was created."""


def who(session: Session) -> str:
    """The session as text."""
    if session.kind != _CLIENT:
        return f"pid {session.pid} ({session.kind or 'of another role'})"
    return f"pid {session.pid} ({session.application or session.user or '?'} from {session.client or 'local'})"


def root_blockers(postgres: PostgresFacts, waiting: Iterable[Session]) -> list[Session | Prepared | int]:
    """What blocks the ``waiting`` sessions at the head of their queues; a pid if that session has just ended."""
    known = {session.pid: session for session in postgres.sessions}
    chain = _chain([session.pid for session in waiting], known)
    heads = [pid for pid in chain if not (pid in known and known[pid].blocked_by)] or chain[-1:]
    holders: list[Session | Prepared | int] = []
    for pid in sorted(heads):
        if pid == PREPARED_PID:
            prepared = postgres.prepared or []
            holders += [each for each in prepared if set(each.blocks) & set(chain)] or prepared or [pid]
        else:
            holders.append(known.get(pid, pid))
    return holders


def _chain(pids: list[int], known: dict[int, Session]) -> list[int]:
    """The sessions and all sessions that they wait for, directly or indirectly."""
    chain = list(dict.fromkeys(pids))
    for pid in chain:
        blockers = known[pid].blocked_by if pid in known else []
        chain += [blocker for blocker in blockers if blocker not in chain]
    return chain


def holding(holder: Session | Prepared | int) -> str:
    """What holds the locks, as text."""
    if isinstance(holder, Prepared):
        return f"prepared transaction {holder.gid} of {holder.owner}, for {span(holder.age)}, without a session"
    if isinstance(holder, int):
        return f"pid {holder}, whose session is no longer visible" if holder else "a prepared transaction"
    return f"{who(holder)}, {holder.state or 'busy'} for {span(holder.state_age or 0)}: {holder.query}"


def held_for(holder: Session | Prepared | int) -> float:
    """Seconds since the start of the transaction that holds the locks; 0 if unknown."""
    if isinstance(holder, Prepared):
        return holder.age
    return (holder.xact_age or 0.0) if isinstance(holder, Session) else 0.0


def endings(facts: Facts, postgres: PostgresFacts, holders: Iterable[Session | Prepared | int]) -> Iterator[str]:
    """The commands that end the ``holders``."""
    for holder in holders:
        if isinstance(holder, Prepared):
            yield rollback(facts, postgres, holder)
        elif isinstance(holder, Session):
            yield ending(facts, postgres, holder, "terminate" if holder.kind in (_CLIENT, "walsender") else "cancel")


def rollback(facts: Facts, postgres: PostgresFacts, prepared: Prepared) -> str:
    """The command that rolls back a prepared transaction, which is possible only in its own database."""
    gid = prepared.gid.replace("'", "''")
    return psql(facts, postgres, f"ROLLBACK PREPARED '{gid}'", database=prepared.database)


def ending(facts: Facts, postgres: PostgresFacts, session: Session, verb: str = "terminate") -> str:
    """The command that terminates a session or, with "cancel", its statement."""
    return psql(facts, postgres, f"SELECT pg_{verb}_backend({session.pid})")


def psql(facts: Facts, postgres: PostgresFacts, *statements: str, database: str = "postgres") -> str:
    """The command that runs statements as the superuser; the SQL alone for a server outside the project."""
    if postgres.service not in facts.services:
        return "\n".join(f"{statement};" for statement in statements)
    options = " ".join(f'-c "{_in_quotes(statement)}"' for statement in statements)
    place = shlex.quote(database) if database else '"${POSTGRES_DB:-$POSTGRES_USER}"'
    script = f'psql -U "$POSTGRES_USER" -d {place} {options}'
    return f"docker compose exec {postgres.service} sh -c {shlex.quote(script)}"


def _in_quotes(statement: str) -> str:
    """The statement escaped for a shell's double quotes."""
    return "".join(f"\\{letter}" if letter in '\\"$`' else letter for letter in statement)
