"""The plan that moves replicas to other nodes. Pure: a fleet and names in, steps out.

A replica cannot move: a new one of the same release starts on another node and takes over its requests.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ops.fleet import Fleet
from ops.rollout.rolling import plan_rolling
from ops.steps import Plan, Remember, SetAvailability, Step, Target, replicas


def plan_move(
    fleet: Fleet,
    wanted: int,
    target: Target,
    surge: int,
    moved: Collection[str],
    opening: Sequence[SetAvailability] = (),
    closing: Sequence[SetAvailability] = (),
) -> Plan:
    """Replaces the replicas ``moved``, ``surge`` at a time. The engine starts the new ones on nodes that accept tasks.

    ``opening`` and ``closing``: steps before and after it.
    """
    left = [member.name for member in fleet.alive if member.name in moved]
    steps: Sequence[Step] = ()
    if left or fleet.dead:  # a stopped replica may remain from an interrupted move
        steps = plan_rolling(fleet, wanted, target, surge, frozenset(left)).steps
    elif opening or closing:
        steps = (Remember(wanted),)
    summary = f"{replicas(len(left))} to other nodes" if left else "no replica moves"
    return Plan((*opening, *steps, *closing), target, summary)


def excess(nodes: Mapping[str, Sequence[str]]) -> list[str]:
    """The replicas to move so that no node has two or more replicas more than another. The newest on each node move.

    ``nodes``: the nodes that accept tasks, with their replicas, newest last. New replicas start where the fewest run.
    """
    total, count = sum(map(len, nodes.values())), max(1, len(nodes))
    share, more = divmod(total, count)
    leaving: list[str] = []
    for names in sorted(nodes.values(), key=len, reverse=True):
        stay = share + (more > 0 and len(names) > share)
        more -= len(names) > share
        leaving += reversed(list(names)[stay:])
    return leaving
