"""The steps of `videa swarm migrate` as text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

from ops.migration.plan import Beside, Clean, Exchange, Join, MovePort, Renumber, TakeOver
from ops.steps import replicas


@singledispatch
def words(step: object) -> str:
    """One line for a step. Raises TypeError for an unknown one."""
    raise TypeError(f"no words for {type(step).__name__}")


@words.register
def _(step: Renumber) -> str:
    return f"replace {', '.join(step.names)} by replicas with other numbers: the new ones get these"


@words.register
def _(step: Join) -> str:
    return "attach Compose's containers to the overlay networks"


@words.register
def _(step: TakeOver) -> str:
    new = f"start {replicas(step.start)} of {step.service}, send them the requests when they are ready"
    return f"{new}, drain and stop {', '.join(step.leave)}"


@words.register
def _(step: Beside) -> str:
    return f"start {step.service}, then stop {_names(step.leave)}"


@words.register
def _(step: Exchange) -> str:
    return f"stop {_names(step.leave)}, then start {step.service} with its volumes: it is missing in between"


@words.register
def _(step: MovePort) -> str:
    return f"stop {_names(step.leave)}, then start {step.balancer}: connections are refused in between"


@words.register
def _(step: Clean) -> str:
    return "remove the stopped containers and the networks; the volumes stay"


def _names(leave: Sequence[str]) -> str:
    return ", ".join(leave) or "nothing (it is stopped already)"
