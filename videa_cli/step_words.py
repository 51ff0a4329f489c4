"""The text of steps, such as "start 3 replicas". ops has only types; the CLI makes all text."""

from __future__ import annotations

import shlex
from functools import singledispatch

from ops.steps import (
    AwaitReady,
    Check,
    Delay,
    Drain,
    Follow,
    Hook,
    Judge,
    Keep,
    Observe,
    Pause,
    Recreate,
    Remember,
    Remove,
    Route,
    RunOnce,
    SetAvailability,
    Split,
    Start,
    Step,
    Stop,
    Worded,
    replicas,
)


@singledispatch
def step_words(step: object) -> str:
    """The text of a step. Raises TypeError for anything else."""
    raise TypeError(f"no text for {step!r}")


@step_words.register
def _(step: Start) -> str:
    return f"start {replicas(step.count)}"


@step_words.register
def _(step: AwaitReady) -> str:
    return "wait until ready" + (f": {', '.join(step.names)}" if step.names else "")


@step_words.register
def _(step: Route) -> str:
    return "update the balancer"


@step_words.register
def _(step: Drain) -> str:
    return "drain"


@step_words.register
def _(step: Remove) -> str:
    return f"stop and remove {', '.join(step.names)}"


@step_words.register
def _(step: Stop) -> str:
    return f"stop {', '.join(step.names)} before the next replica starts"


@step_words.register
def _(step: Observe) -> str:
    return f"watch the new replicas for {step.seconds:g} s"


@step_words.register
def _(step: Delay) -> str:
    return f"wait {step.seconds:g} s before the next replicas (videa promote ends this)"


@step_words.register
def _(step: Remember) -> str:
    return "record it in .env"


@step_words.register
def _(step: Split) -> str:
    return "open a private path to the new replicas" if step.private else f"send {step.percent:g}% to the canary"


@step_words.register
def _(step: Check) -> str:
    return f"check {', '.join((*step.paths, *step.commands))}"


@step_words.register
def _(step: Judge) -> str:
    return f"judge the canary at {step.percent:g}%"


@step_words.register
def _(step: Pause) -> str:
    return f"pause at {step.percent:g}% until videa promote or videa abort"


@step_words.register
def _(step: Keep) -> str:
    return f"keep the old replicas for {step.seconds:g} s (videa promote ends this, videa abort returns to them)"


@step_words.register
def _(step: Hook) -> str:
    return f"hook {step.name}: {step.command if isinstance(step.command, str) else shlex.join(step.command)}"


@step_words.register
def _(step: RunOnce) -> str:
    return f"run {step.service} until it has completed"


@step_words.register
def _(step: Follow) -> str:
    return f"update {', '.join(step.services)}"


@step_words.register
def _(step: SetAvailability) -> str:
    effect = {"active": "new replicas again", "pause": "no new replicas", "drain": "no tasks"}
    return f"{step.name} gets {effect[step.availability]} ({step.availability})"


@step_words.register
def _(step: Recreate) -> str:
    return f"recreate {', '.join(step.names)}"


@step_words.register
def _(step: Worded) -> str:
    return step.text


def lasting(step: Step) -> str:
    """What a rollback cannot undo just by moving traffic; "" for other steps."""
    if isinstance(step, Remove | Stop):
        return "from here on, a rollback must start replicas"
    if isinstance(step, Hook | RunOnce):
        return "a rollback does not undo its effects"
    if isinstance(step, Follow):
        return "they are down during the restart, and again during a rollback"
    return ""
