"""A project's certificate state that is not on the volume: failures, and the authority's renewal suggestions."""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec

from ops.balancer.certificates import Info
from ops.documents import Kind, TypedDocument
from ops.platform.ports import Store

LONGEST = 300
"""Maximum characters of an error."""


class DomainState(msgspec.Struct, frozen=True, omit_defaults=True):
    """``failures``: in a row, the last one with ``error`` at ``failed``; ``retry_at``: no try before that time.

    ``suggested``: when the authority wants the certificate with ``serial`` to be renewed (ARI), None without a
    suggestion; ``ask_at``: when to ask it again. Unix times.
    """

    failures: int = 0
    error: str = ""
    failed: float = 0.0
    retry_at: float = 0.0
    serial: str = ""
    suggested: float | None = None
    ask_at: float = 0.0

    def suggested_for(self, info: Info) -> float | None:
        """The suggestion, if it is for this certificate."""
        return self.suggested if self.serial == info.serial else None

    def asks(self, info: Info, now: float) -> bool:
        """Whether to ask the authority about this certificate now."""
        return self.serial != info.serial or now >= self.ask_at


_DOCUMENT = TypedDocument(Kind.CERTIFICATES, dict[str, DomainState], {})


def read(store: Store, project: str) -> dict[str, DomainState]:
    """Domain -> its state. Raises EngineError."""
    return _DOCUMENT.read(store, project)


def change(store: Store, project: str, domain: str, how: Callable[[DomainState], DomainState]) -> None:
    """Changes the state of a domain. Raises EngineError."""
    _DOCUMENT.change(store, project, lambda states: {**states, domain: how(states.get(domain, DomainState()))})


def keep_only(store: Store, project: str, domains: Collection[str]) -> None:
    """Removes the state of all other domains. Raises EngineError."""
    _DOCUMENT.change(store, project, lambda states: {name: state for name, state in states.items() if name in domains})
