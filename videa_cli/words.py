"""The text of the events of operations, including notices and steps, whose texts are in other files.

ops emits and stores only types; the CLI makes all text.
"""

from __future__ import annotations

from functools import singledispatch

from ops.errors import CONTINUE, TAKE_UP
from ops.events import (
    Back,
    HistoryIncomplete,
    HookFailed,
    JournalLeft,
    LeftWaiting,
    NoVerdict,
    OperationEnded,
    OperationInterrupted,
    OwnFault,
    Promoted,
    Resuming,
    Retrying,
    RollingBack,
    ServiceReached,
    Standing,
    Superseded,
    Task,
    Transferred,
    UnderWay,
    VerdictGiven,
)
from ops.rollout.history import verdict_line
from ops.steps import Judge, Pause
from videa_cli.notice_words import notice_words
from videa_cli.step_words import step_words
from videa_cli.units import clock, size


@singledispatch
def words(thing: object) -> str:
    """The text of a step, of a task, or of an event other than their start and end. Raises TypeError."""
    return notice_words(thing)


@words.register
def _(step: Back) -> str:
    return f"roll back: {step_words(step.step)}"


@words.register
def _(task: Task) -> str:
    return task.text


@words.register
def _(event: Transferred) -> str:
    share = f" of about {size(event.total)}" if event.total else ""
    return f"{event.text}: {size(event.done)}{share}"


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
    return f"`{event.command}` of {event.who} ended after {event.seconds:.1f} s: {event.result}{after}"


@words.register
def _(event: LeftWaiting) -> str:
    return f"{words(event.operation)}; {TAKE_UP}"


@words.register
def _(event: OwnFault) -> str:
    return event.left


@words.register
def _(event: OperationInterrupted) -> str:
    operation = words(event.operation)
    if event.operation.wait:
        return f"{operation}; {TAKE_UP}"
    return f"{operation} was interrupted; {CONTINUE}"


@words.register
def _(operation: Standing) -> str:
    who = f"`{operation.command}` of {operation.who}"
    if operation.step is None:
        return f"{who}, before its first step"
    at = f"at step {operation.number} of {operation.total}"
    if operation.wait:
        return f"{who} waits ({at}): {_waited_for(operation)}"
    return f"{who}, {at}: {step_words(operation.step)}"


def _waited_for(operation: Standing) -> str:
    """The reason for the wait. Times are UTC by the engine's clock."""
    until = operation.wait.until if operation.wait else None
    end = "" if until is None else f"until {clock(until)} UTC"
    if isinstance(operation.step, Judge):
        return f"{step_words(operation.step)}, {f'{end} at the latest' if end else 'which no process does now'}"
    if isinstance(operation.step, Pause):
        return f"paused at {operation.step.percent:g}%"
    return f"keep the old replicas {end}"


@words.register
def _(event: Resuming) -> str:
    return f"continuing {words(event.operation)}"


@words.register
def _(event: RollingBack) -> str:
    if event.operation:
        return f"rolling back {words(event.operation)}"
    return "rolling back" + (f": {event.reason}" if event.reason else "")


@words.register
def _(event: ServiceReached) -> str:
    return event.service


@words.register
def _(event: Superseded) -> str:
    return f"{words(event.operation)} was interrupted; this operation replaces it"


@words.register
def _(event: UnderWay) -> str:
    return f"`{event.operation.command}` of {event.operation.who}"


@words.register
def _(event: Retrying) -> str:
    return f"{event.reason}; trying again"


@words.register
def _(event: JournalLeft) -> str:
    return f"it has ended, but its journal was not removed ({event.reason}); to remove it: videa deploy --resume"


@words.register
def _(event: HistoryIncomplete) -> str:
    return f"the history is incomplete: {event.reason}"
