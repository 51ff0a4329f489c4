"""A deploy as requested, without the release. The journal stores it so that another process can resume the deploy."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

import msgspec

from ops.fleet import Fleet
from ops.rollout.blue_green import plan_blue_green
from ops.rollout.canary import plan_canary
from ops.rollout.move import plan_move
from ops.rollout.pace import Pace
from ops.rollout.rolling import plan_rolling
from ops.steps import Check, Plan, RunOnce, SetAvailability, Target


class Strategy(Enum):
    """How the new release takes over."""

    ROLLING = "rolling"
    BLUE_GREEN = "blue-green"
    CANARY = "canary"
    MOVE = "move"
    """The same release is moved to other nodes."""


class Request(msgspec.Struct, frozen=True):
    """The options of a deploy.

    ``surge``: rolling, replicas in a batch, 0 for all; ``pace``: rolling; ``taken``: (key, value, source) for each
    setting of these two that comes from the Compose file. ``keep``: blue-green, seconds for which the old set is kept;
    ``commands`` and ``paths``: blue-green, checks before the switch; ``shares`` and ``pause_at``: canary, percentages.
    ``once``: one-shot services that run first; ``pulled``: the tag of the image may have moved. ``moved``: move, the
    replicas to replace; ``opening`` and ``closing``: changes of the nodes before and after it.
    """

    strategy: Strategy = Strategy.ROLLING
    surge: int = 1
    force: bool = False
    keep: float = 0.0
    commands: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    shares: tuple[float, ...] = (100.0,)
    pause_at: tuple[float, ...] = ()
    pace: Pace = Pace()
    taken: tuple[tuple[str, str, str], ...] = ()
    once: tuple[RunOnce, ...] = ()
    pulled: bool = False
    moved: tuple[str, ...] = ()
    opening: tuple[SetAvailability, ...] = ()
    closing: tuple[SetAvailability, ...] = ()

    @property
    def moving(self) -> tuple[str, ...] | None:
        """The nodes that a move empties; None for a deploy."""
        steps = (*self.opening, *self.closing)
        return tuple(sorted({step.node for step in steps})) if self.strategy is Strategy.MOVE else None


def plan_deploy(
    request: Request,
    fleet: Fleet,
    wanted: int,
    target: Target,
    before: Collection[str] | None = None,
    reached: float = 0.0,
    parallelism: int = 1,
) -> Plan:
    """The plan of the request's strategy.

    ``before``: the replicas at the start of the deploy, None if it starts now; ``reached``: the share of traffic, in
    percent, at which an interrupted canary continues; ``parallelism``: number of replicas that may start at the same
    time.
    """
    replace: Collection[str] = frozenset()
    if request.force:
        replace = frozenset(member.name for member in fleet.members) if before is None else before
    if request.strategy is Strategy.MOVE:
        return plan_move(fleet, wanted, target, request.surge, request.moved, request.opening, request.closing)
    if request.strategy is Strategy.BLUE_GREEN:
        check = Check(request.commands, request.paths) if request.commands or request.paths else None
        return plan_blue_green(fleet, wanted, target, request.keep, check, replace, parallelism)
    if request.strategy is Strategy.CANARY:
        shares = tuple(share for share in request.shares if share >= reached)
        return plan_canary(fleet, wanted, target, shares, request.pause_at, replace, parallelism)
    return plan_rolling(fleet, wanted, target, request.surge, replace, request.pace)
