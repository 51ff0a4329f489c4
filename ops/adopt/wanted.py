"""What the operator of `videa init` has said, and how more is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from ops.route import Route as Requests


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator has said; None: find out. ``others``: further services that get requests.

    ``ports``, ``healths``, ``requests``: of the services that they name; ``port`` and ``health`` are of ``service``;
    ``share``: targets or sources of volumes that replicas may write at the same time.
    """

    service: str | None = None
    port: int | None = None
    health: str | None = None
    others: tuple[str, ...] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    healths: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, Requests] = field(default_factory=dict)
    share: frozenset[str] = frozenset()

    def port_of(self, service: str) -> int | None:
        """The HTTP port of a service."""
        return self.ports.get(service) or (self.port if service == self.service or not self.others else None)

    def health_of(self, service: str) -> str | None:
        """The health path of a service."""
        return self.healths.get(service) or (self.health if service == self.service or not self.others else None)


class About(Enum):
    """What a question is about, and so which option answers it."""

    SERVICE = auto()
    SERVICES = auto()
    """One service, or several with the requests of each."""
    PORT = auto()
    REQUESTS = auto()


Ask = Callable[[About, str, Sequence[str]], str]
"""Asks the operator a question with these answers. Raises UsageError without a terminal."""
