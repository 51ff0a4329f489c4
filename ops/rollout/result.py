"""Compares the stack at the end of an operation with the result that the operation is about to report. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from ops.fleet import Fleet, Member, names
from ops.notices import NotServing
from ops.steps import replicas


def unlike_plan(
    fleet: Fleet, listed: Collection[str], wanted: int, releases: Collection[str], excused: Collection[str]
) -> list[str]:
    """The differences from ``wanted`` ready replicas of ``releases``, to which the balancer sends the requests.

    ``listed``: names in the balancer; ``excused``: replicas that need not be ready, because they were not ready before
    the operation or `videa watch` has ejected them.
    """
    alive = fleet.alive
    claimed = [member for member in alive if member.name not in excused]
    found = [f"{replicas(len(alive))} instead of {wanted}"] if len(alive) != wanted else []
    found += [f"{member.name} is {member.replica.state}" for member in fleet.dead]
    found += _each("{} of another release", (m.name for m in alive if m.replica.release not in releases))
    found += _each("{} not ready", (member.name for member in claimed if not member.ready))
    return [*found, *_unlike_list(fleet, listed, [member.name for member in claimed])]


def not_serving(fleet: Fleet) -> list[NotServing]:
    """The requested replicas that run but do not serve."""
    return [_idle(member) for member in fleet.alive if not (member.ready and member.listed)]


def _idle(member: Member) -> NotServing:
    name, state = member.name, member.replica.state
    if state == "paused":
        return NotServing(name, "it is paused", f"docker unpause {name}")
    if member.ready:
        return NotServing(name, "it is not in the balancer", "it returns after good health checks: videa agent status")
    reason = "it restarts again and again" if state == "restarting" else "it is not ready"
    return NotServing(name, reason, f"see why: videa doctor, and docker logs {name}")


def unlike_before(
    fleet: Fleet,
    listed: Collection[str],
    before: Collection[str],
    served: Collection[str],
    releases: Mapping[str, str],
) -> list[str]:
    """The differences from the state before a rolled back operation.

    ``before``: names of all replicas before the operation; ``served``: of those in the balancer; ``releases``: by name,
    as far as known. A replica that is not ready now does not have to be in the balancer.
    """
    alive = names(fleet.alive)
    others = (m.name for m in fleet.alive if m.replica.release != releases.get(m.name, m.replica.release))
    found = _each("{} no longer running", (name for name in served if name not in alive))
    found += _each("{} of another release", others)
    found += _each("{} additional", (name for name in alive if name not in before))
    return [*found, *_unlike_list(fleet, listed, [name for name in names(fleet.ready) if name in served])]


def _unlike_list(fleet: Fleet, listed: Collection[str], expected: Collection[str]) -> Iterator[str]:
    """The differences of the balancer's list from the running replicas; ``expected``: replicas that it must contain."""
    alive = names(fleet.alive)
    unlisted = {member.name for member in fleet.alive if not member.listed}
    yield from _each("{} not in the balancer", (name for name in expected if name in unlisted))
    yield from _each("{} in the balancer but not running", (name for name in listed if name not in alive))
    if fleet.split:
        yield "the traffic is still split"


def _each(text: str, found: Iterable[str]) -> list[str]:
    """The text about all these names, as a list of at most one element."""
    several = list(found)
    verb = "is" if len(several) == 1 else "are"
    return [text.format(f"{', '.join(several)} {verb}")] if several else []
