"""Waits that outlive whoever attends them: how one begins, and what is left of it when it is taken up again. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ops.project.settings import Canary
from ops.rollout.journal import JournalState
from ops.steps import Judge, Keep, Pause, Plan, Step, Wait, Waiting


def wait_for(step: Waiting, known: Wait | None, now: float, bounds: Canary, attended: bool) -> Wait:
    """How long a step waits. ``known``: of the same wait, which somebody has left; ``now``: the engine's time.

    An old set is kept until the time that was said at first. A judgement counts requests in memory, so whoever takes it
    up begins its window anew: until its deadline, but at least for one interval; and nobody judges while it is not
    ``attended``, so that its time begins with whoever takes it up.
    """
    begun = known.begun if known else now
    if isinstance(step, Keep):
        return Wait(begun, known.until if known and known.until is not None else now + step.seconds)
    if isinstance(step, Pause) or not attended:
        return Wait(begun)
    if known and known.until is not None:
        return Wait(begun, max(known.until, now + bounds.interval))
    return Wait(begun, now + max(bounds.deadline, bounds.interval))


def resumed(plan: Plan, state: JournalState) -> Plan:
    """The plan of an operation that goes on where the journal says: a canary that has been judged is not judged again.

    It then waits for people, also where it does because there was no verdict.
    """
    if not state.undecided:
        return plan
    return replace(plan, steps=tuple(_undecided(plan.steps, Pause(state.reached))))


def _undecided(steps: tuple[Step, ...], pause: Pause) -> Iterator[Step]:
    for step in steps:
        if step != Judge(pause.percent):
            yield step
        elif pause not in steps:
            yield pause
