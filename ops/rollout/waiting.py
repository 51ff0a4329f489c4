"""Waits that continue without a process: when they start, and the time left when an operation is resumed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ops.project.settings import Canary
from ops.rollout.entries import JournalState
from ops.steps import Judge, Keep, Pause, Plan, Step, Wait, Waiting


def wait_for(step: Waiting, known: Wait | None, now: float, bounds: Canary, attended: bool) -> Wait:
    """How long a step waits. ``known``: the record of the same wait if it is resumed; ``now``: the engine's time.

    An old set is kept until the time that was fixed at the start. Judging counts requests in memory, so a resumed one
    starts a new window: until its deadline, but at least for one interval. Judging requires ``attended``: otherwise its
    time starts when the operation is resumed.
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
    """The plan of an operation that continues from its journal: a canary is not judged again at the same share.

    It waits for the operator instead, also after an inconclusive verdict.
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
