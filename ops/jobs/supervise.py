"""What a job does next: its command, the rest of the command after an interruption, or nothing. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ops.jobs.kind import Kind
from ops.jobs.request import Request
from ops.rollout.entries import JournalState

EVENTS = "--json=events"
"""Added to the command, so that others can follow the job's output."""

LATE = 3600.0
"""Seconds by which a scheduled operation may begin late, for example after a reboot."""

RESUME = ("deploy", "--resume")


def next_arguments(request: Request, state: JournalState | None) -> tuple[str, ...] | None:
    """The arguments for videa; None if the operation has ended. ``state``: that of the journal."""
    if request.kind is Kind.AUTOSCALE:
        return request.arguments
    if state and _is_own(request, state):
        return (*request.selecting, *RESUME, EVENTS)
    return None if request.begun else with_events(request.arguments)


def _is_own(request: Request, state: JournalState) -> bool:
    """Whether the unfinished operation is the job's: begun by it, or before it and then continued by it."""
    header = (state.earlier[0] if state.earlier else state).header
    if header.time < request.created:
        return request.begun
    return _words(header.command) == _words(request.command)


def _words(command: str) -> str:
    """A command line without the name of the program, which a job does not store."""
    return command.partition(" ")[2]


def with_events(arguments: Sequence[str]) -> tuple[str, ...]:
    """The arguments with the option to print events."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return (*arguments[:end], EVENTS, *arguments[end:])


def missed(request: Request, now: float) -> str:
    """Why a scheduled operation does not begin; "" if it may. ``now``: Unix time."""
    if request.begun or not request.at or now <= request.at + LATE:
        return ""
    return f"it was missed: its time passed {(now - request.at) / 3600:.0f} h ago, while nothing ran here"


def begins(line: str) -> bool:
    """Whether a line of the command's output is the first change of an operation; a build or a pull is not a change."""
    try:
        event = json.loads(line)
    except ValueError:
        return False
    if not isinstance(event, dict):
        return False
    step = event.get("step") or {}
    return event.get("type") == "going_back" or (event.get("type") == "step_started" and step.get("type") != "task")
