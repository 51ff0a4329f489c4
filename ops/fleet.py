"""The replicas of the service for planners, and the order in which replicas are removed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ops.models import Replica


@dataclass(frozen=True, slots=True)
class Member:
    """A replica with its readiness (from a probe) and whether the balancer lists it.

    ``delay``: seconds after its start until it can be ready or not; 0 if that is known.
    """

    replica: Replica
    ready: bool
    listed: bool
    delay: float = 0.0

    @property
    def name(self) -> str:
        return self.replica.name

    @property
    def alive(self) -> bool:
        """Whether it is running, or Docker is restarting it."""
        return self.replica.alive


@dataclass(frozen=True, slots=True)
class Fleet:
    """All replicas of the service at one moment.

    ``managed``: the balancer uses a list that videa wrote. Before the first operation it uses all running replicas,
    even unready ones, so planners write the list first. A worker needs no list. ``split``: some replicas are listed
    only as a canary. ``stale``: the list names replicas that are not running, or was written for other settings.
    """

    members: tuple[Member, ...]
    managed: bool = True
    split: bool = False
    stale: bool = False

    @property
    def alive(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.alive)

    @property
    def ready(self) -> tuple[Member, ...]:
        return tuple(member for member in self.alive if member.ready)

    @property
    def dead(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if not member.alive)


def names(members: Iterable[Member]) -> tuple[str, ...]:
    """The names of members, in their order."""
    return tuple(member.name for member in members)


def victims(members: Iterable[Member], count: int, release: str) -> tuple[Member, ...]:
    """The ``count`` members to remove first: unready, then without traffic, then of another release, then newest."""
    order = sorted(members, key=lambda member: member.replica.number, reverse=True)
    order.sort(key=lambda member: (member.ready, member.listed, member.replica.release == release))
    return tuple(order[:count])
