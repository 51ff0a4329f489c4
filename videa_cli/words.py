"""Every step and event of an operation in words: what ops emits and keeps has types, what people read is made here."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from functools import singledispatch

from ops.errors import CONTINUE, TAKE_UP
from ops.events import (
    Back,
    BrokenOff,
    ChangedSince,
    GoingBack,
    GoingOn,
    HistoryIncomplete,
    HookFailed,
    JournalLeft,
    LeftWaiting,
    LetBack,
    NoVerdict,
    OperationEnded,
    OrphansLeft,
    OwnFault,
    PoolsUnchecked,
    Promoted,
    ReleaseChanged,
    ReplicasFixed,
    RequestsCut,
    Retrying,
    RoundSkipped,
    ShellOnly,
    Standing,
    Superseded,
    TakenOut,
    Task,
    UnderWay,
    VariableShared,
    VerdictGiven,
)
from ops.rollout.history import verdict_line
from ops.steps import (
    AwaitReady,
    Check,
    Drain,
    Follow,
    Hook,
    Judge,
    Keep,
    Pause,
    Recreate,
    Remember,
    Remove,
    Route,
    Split,
    Start,
    Step,
    Worded,
    replicas,
)


@singledispatch
def words(thing: object) -> str:
    """A step, or an event that is no beginning or end of one: "start 3 replicas"."""
    raise TypeError(f"no words for {thing!r}")


@words.register
def _(step: Start) -> str:
    return f"start {replicas(step.count)}"


@words.register
def _(step: AwaitReady) -> str:
    return "wait until ready" + (f": {', '.join(step.names)}" if step.names else "")


@words.register
def _(step: Route) -> str:
    return "change the balancer"


@words.register
def _(step: Drain) -> str:
    return "drain"


@words.register
def _(step: Remove) -> str:
    return f"stop and remove {', '.join(step.names)}"


@words.register
def _(step: Remember) -> str:
    return "remember it for `docker compose up`"


@words.register
def _(step: Split) -> str:
    return "open a private path to the new ones" if step.private else f"give the canary {step.percent:g}%"


@words.register
def _(step: Check) -> str:
    return f"check {', '.join((*step.paths, *step.commands))}"


@words.register
def _(step: Judge) -> str:
    return f"judge the canary at {step.percent:g}%"


@words.register
def _(step: Pause) -> str:
    return f"paused at {step.percent:g}%: videa promote, or videa abort"


@words.register
def _(step: Keep) -> str:
    return f"keep the old ones for {step.seconds:g} s (videa promote ends it, videa abort goes back to them)"


@words.register
def _(step: Hook) -> str:
    return f"hook {step.name}: {step.command if isinstance(step.command, str) else shlex.join(step.command)}"


@words.register
def _(step: Follow) -> str:
    return f"let {', '.join(step.services)} follow"


@words.register
def _(step: Recreate) -> str:
    return f"bring back {', '.join(step.names)}"


@words.register
def _(step: Back) -> str:
    return f"{words(step.step)} back"


@words.register(Worded)
@words.register(Task)
def _(said: Worded | Task) -> str:
    return said.text


@words.register
def _(event: VerdictGiven) -> str:
    return verdict_line(event)


@words.register
def _(event: Promoted) -> str:
    if event.percent is None:
        return f"promoted by {event.who}"
    return f"{event.percent:g}%: promoted by {event.who} without a verdict"


@words.register
def _(event: NoVerdict) -> str:
    return f"{event.percent:g}%: no verdict within {event.seconds:g} s: videa promote, or videa abort"


@words.register
def _(event: HookFailed) -> str:
    return event.reason + ("; the release stays" if event.hook.startswith("post") else "")


@words.register
def _(event: OperationEnded) -> str:
    after = f" ({event.left.replace('_', ' ')})" if event.left else ""
    return f"`{event.command}` of {event.who} has ended after {event.seconds:.1f} s: {event.result}{after}"


@words.register
def _(event: LeftWaiting) -> str:
    return f"{words(event.operation)}; {TAKE_UP}"


@words.register
def _(event: OwnFault) -> str:
    return event.left


@words.register
def _(event: BrokenOff) -> str:
    operation = words(event.operation)
    if event.operation.wait:
        return f"{operation}; {TAKE_UP}"
    return f"{operation} was interrupted; {CONTINUE}"


@words.register
def _(event: OrphansLeft) -> str:
    names = event.containers
    return (
        f"{', '.join(names)}: of no service of the Compose file any more, and left running; when nothing needs them: "
        f"docker rm --force {' '.join(names)}"
    )


@words.register
def _(event: ChangedSince) -> str:
    return (
        f"{', '.join(event.services)}: changed in the Compose file since, and left as it runs; to recreate one, which "
        f"others may miss meanwhile: videa up --recreate {event.services[0]}"
    )


@words.register
def _(event: ReleaseChanged) -> str:
    return "the Compose file or its image has changed since; roll it out with: videa deploy"


@words.register
def _(event: PoolsUnchecked) -> str:
    return f"the connection pools are not checked against PostgreSQL: {event.reason}"


@words.register
def _(event: ShellOnly) -> str:
    return (
        f"{', '.join(event.variables)} is set in your shell only: a plain `docker compose up -d` in another one would "
        "recreate the replicas; write it to .env if it may stand there"
    )


@words.register
def _(event: VariableShared) -> str:
    return (
        f"{event.variable} is read by {', '.join(event.services)} too, which this does not touch: a plain `docker "
        "compose up -d` will recreate what runs with another value; x-videa.also lets them follow"
    )


@words.register
def _(event: ReplicasFixed) -> str:
    return (
        f"the Compose file says {event.replicas} replicas, and a plain `docker compose up -d` will go back to that; "
        f"write `replicas: ${{{event.variable}:-{event.replicas}}}` there, and videa remembers it"
    )


@words.register
def _(event: RequestsCut) -> str:
    return f"after {event.seconds:g} s {event.workers} retired nginx workers still have requests: they are cut now"


@words.register
def _(operation: Standing) -> str:
    who = f"`{operation.command}` of {operation.who}"
    if operation.step is None:
        return f"{who}, before its first step"
    at = f"at step {operation.number} of {operation.total}"
    if operation.wait:
        return f"{who} waits ({at}): {_waited_for(operation)}"
    return f"{who}, {at}: {words(operation.step)}"


def _waited_for(operation: Standing) -> str:
    """What an operation waits for. Times are UTC by the engine's clock."""
    until = operation.wait.until if operation.wait else None
    end = "" if until is None else f"until {datetime.fromtimestamp(until, UTC):%H:%M:%S} UTC"
    if isinstance(operation.step, Judge):
        return f"{words(operation.step)}, {f'{end} at the latest' if end else 'which nobody does yet'}"
    if isinstance(operation.step, Pause):
        return f"paused at {operation.step.percent:g}%"
    return f"keep the old ones {end}"


@words.register
def _(event: GoingOn) -> str:
    return f"going on with {words(event.operation)}"


@words.register
def _(event: GoingBack) -> str:
    if event.operation:
        return f"putting back {words(event.operation)}"
    return "putting everything back" + (f": {event.reason}" if event.reason else "")


@words.register
def _(event: Superseded) -> str:
    return f"{words(event.operation)} was broken off; this operation takes its place"


@words.register
def _(event: UnderWay) -> str:
    return f"`{event.operation.command}` of {event.operation.who}"


@words.register
def _(event: Retrying) -> str:
    return f"{event.reason}; trying again"


@words.register
def _(event: JournalLeft) -> str:
    return f"it has ended, but its journal is still there ({event.reason}): videa deploy --resume removes it"


@words.register
def _(event: HistoryIncomplete) -> str:
    return f"the history is not complete: {event.reason}"


@words.register
def _(event: TakenOut) -> str:
    return f"{event.replica} is out: {event.reason}"


@words.register
def _(event: LetBack) -> str:
    return f"{event.replica} is back"


@words.register
def _(event: RoundSkipped) -> str:
    return f"this round was skipped: {event.reason}"


def lasting(step: Step) -> str:
    """What going back cannot undo by moving the traffic; empty for steps that it can."""
    if isinstance(step, Remove):
        return "going back takes a new start from here on"
    if isinstance(step, Hook):
        return "what it does is not undone"
    if isinstance(step, Follow):
        return "not served meanwhile; going back stops and starts again"
    return ""
