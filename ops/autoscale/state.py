"""A project's autoscaling state, stored on the engine for all users: whether it is on, and what it has decided."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from ops.autoscale.past import Past
from ops.documents import Kind, TypedDocument
from ops.platform.ports import Store

MOST = 50
"""Maximum number of stored decisions per service."""

LONGEST = 300
"""Maximum characters of a reason."""


class Made(msgspec.Struct, frozen=True):
    """A decision. ``time``: of the engine; ``result``: "done", "dry run", the name of a limit, or an error."""

    time: float
    now: int
    desired: int
    reason: str
    result: str


class ServiceState(msgspec.Struct, frozen=True):
    """``off``: the user ``who`` turned it off at ``since``. ``looked``: time of the last round.

    ``now``, ``desired``, ``reason``: of the last round; ``waits``: why it did not decide, empty if it did.
    ``asked``, ``changes``: see ``Past``; ``made``: the last decisions, oldest first.
    """

    off: bool = False
    who: str = ""
    since: float = 0.0
    looked: float = 0.0
    now: int = 0
    desired: int = 0
    reason: str = ""
    limit: str = ""
    waits: str = ""
    asked: tuple[tuple[float, int], ...] = ()
    changes: tuple[tuple[float, int], ...] = ()
    made: tuple[Made, ...] = ()

    @property
    def past(self) -> Past:
        return Past(self.asked, self.changes)

    def with_past(self, past: Past) -> ServiceState:
        return replace(self, asked=past.asked, changes=past.changes)

    def with_made(self, made: Made) -> ServiceState:
        """Adds a decision, unless it is already there."""
        made = replace(made, reason=made.reason[:LONGEST], result=made.result[:LONGEST])
        return self if made in self.made else replace(self, made=(*self.made, made)[-MOST:])


_DOCUMENT = TypedDocument(Kind.AUTOSCALE, dict[str, ServiceState], {})


def read(store: Store, project: str) -> dict[str, ServiceState]:
    """Service -> its state; empty if nothing was written or it cannot be parsed. Raises EngineError."""
    return _DOCUMENT.read(store, project)


def change(store: Store, project: str, service: str, by: Callable[[ServiceState], ServiceState]) -> None:
    """Changes the state of a service; safe if other processes change it at the same time. Raises EngineError."""

    def changed(states: dict[str, ServiceState]) -> dict[str, ServiceState]:
        before = states.get(service, ServiceState())
        after = by(before)
        return states if after == before else {**states, service: after}

    _DOCUMENT.change(store, project, changed)


def switch(store: Store, project: str, service: str, off: bool, who: str, dry_run: bool = False) -> bool:
    """Turns autoscaling of a service off or on. Returns False if it already was. Raises EngineError."""
    if read(store, project).get(service, ServiceState()).off == off:
        return False
    if not dry_run:
        since = store.now()
        change(store, project, service, lambda state: replace(state, off=off, who=who, since=since))
    return True
