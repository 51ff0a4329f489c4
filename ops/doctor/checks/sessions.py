"""PostgreSQL's sessions in findings: their names, which one blocks which, and the command that ends one."""

from __future__ import annotations

from collections.abc import Iterable

from ops.doctor.facts import Facts
from ops.doctor.facts_data import PostgresFacts, Session


def who(session: Session) -> str:
    """The session as text."""
    return f"pid {session.pid} ({session.application or session.user or '?'} from {session.client or 'local'})"


def root_blockers(sessions: Iterable[Session], waiting: Iterable[Session]) -> list[Session]:
    """The sessions at the head of the queues in which ``waiting`` wait. A cycle (deadlock) ends at the first repeat."""
    known = {session.pid: session for session in sessions}
    roots = sorted({_root(session, known) for session in waiting})
    return [known[pid] for pid in roots if pid in known]


def _root(session: Session, known: dict[int, Session]) -> int:
    pid, seen = session.pid, set[int]()
    while pid in known and known[pid].blocked_by and pid not in seen:
        seen.add(pid)
        pid = known[pid].blocked_by[0]
    return pid


def ending(facts: Facts, postgres: PostgresFacts, session: Session, verb: str = "terminate") -> str:
    """The command that ends a session, or with "cancel" its statement."""
    statement = f"SELECT pg_{verb}_backend({session.pid})"
    if postgres.service not in facts.services:
        return f"{statement};"
    return f'docker compose exec {postgres.service} sh -c \'psql -U "$POSTGRES_USER" -d postgres -c "{statement}"\''
