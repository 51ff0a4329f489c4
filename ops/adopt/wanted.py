"""What the user of `videa init` has specified, and how to ask for more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from ops.route import Route as Requests


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user has specified; None: to be detected. ``others``: further services that get requests.

    ``port``, ``health``: of ``service``; ``ports``, ``healths``, ``requests``: by service; ``share``: targets or
    sources of volumes to which several replicas may write at the same time.
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
"""Asks the user a question with a choice of answers. Raises UsageError without a terminal."""
