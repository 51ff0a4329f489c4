"""The replicas of the service as planners see them, and who goes first when some must go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ops.models import Replica


@dataclass(frozen=True, slots=True)
class Member:
    """A replica with what only probing and the balancer can tell: whether it is ready, whether it is listed."""

    replica: Replica
    ready: bool
    listed: bool

    @property
    def name(self) -> str:
        return self.replica.name

    @property
    def alive(self) -> bool:
        """Runs, or is being restarted by Docker. What has ended for good is only in the way."""
        return self.replica.state in ("running", "restarting", "paused")


@dataclass(frozen=True, slots=True)
class Fleet:
    """All replicas of the service at one moment.

    ``managed``: the balancer serves a list that videa wrote. Before the first operation it serves whatever runs, also
    what is not ready, so that planners let it serve the list first. ``split``: some are listed as a canary only.
    ``stale``: the list also names replicas that do not run any more, or was written for other settings.
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
    """The ``count`` members to lose first: unready, then without traffic, then of another release, then the newest."""
    order = sorted(members, key=lambda each: each.replica.number, reverse=True)
    order.sort(key=lambda each: (each.ready, each.listed, each.replica.release == release))
    return tuple(order[:count])
