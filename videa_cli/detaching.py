"""Hands a command over to a job, and shows what the job does until it has begun: then the terminal is not needed."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.errors import EngineError, Interrupted, OperationFailed, VideaError
from ops.jobs.kind import VARIABLE, Kind
from videa_cli.exit_codes import CODES
from videa_cli.json_output import Json, show_text_or_json

if TYPE_CHECKING:
    from ops.jobs.request import Request
    from ops.models import Job
    from ops.stack import Stack
    from videa_cli.context import Options

FOLLOW = "follow it: videa deploy --watch; roll it back: videa abort"

POLL = 0.2
"""Seconds between two looks at a job that has not begun."""

DAY = 86_400.0
"""Seconds for which `videa status` shows that a scheduled operation has failed, because it ran unattended."""

BEGUN = ("lock_awaited",)
"""Events after which a job may take long before its first step."""


def in_job() -> bool:
    """Whether this process is what a job runs: `--detach` and `--at` have been obeyed."""
    return VARIABLE in os.environ


def hand_over(
    options: Options,
    as_json: Json,
    dry_run: bool = False,
    kind: Kind = Kind.OPERATION,
    at: float = 0.0,
) -> None:
    """Starts a job with this process's command line. ``at``: Unix time.

    Returns when it has begun or has ended successfully. Raises PlanRefused if no job can run, LockHeld, the error with
    which the job has ended.
    """
    stack = options.stack()
    request = request_for(stack, options, kind, tuple(sys.argv[1:]), at)
    begin(stack, request, as_json, dry_run)


def request_for(
    stack: Stack,
    options: Options,
    kind: Kind,
    arguments: tuple[str, ...],
    at: float = 0.0,
    without: Iterable[str] = (),
) -> Request:
    """The request for a job. ``without``: variables of the shell that it does not get."""
    from ops.jobs.request import Request, passed_on
    from ops.project.settings import EngineKind
    from ops.redaction.typed import shown_command
    from videa_cli.operation import typed

    selecting = [part for file in options.files for part in ("--file", file)]
    selecting += ["--project", options.project] if options.project else []
    return Request(
        project=stack.project.name,
        kind=kind,
        arguments=arguments,
        selecting=tuple(selecting),
        command=shown_command(typed(arguments)),  # as the journal has it
        folder=str(Path.cwd()),
        environment=passed_on(os.environ, frozenset(without)),
        created=time.time(),
        at=at,
        swarm=stack.project.settings.engine is EngineKind.SWARM,
    )


def begin(stack: Stack, request: Request, as_json: Json, dry_run: bool) -> None:
    """Starts the job, or shows what would be handed over."""
    from ops.jobs.hand_over import check, new_job, start

    when = f", at {local_time(request.at)}" if request.at else ""
    result: dict[str, Any] = {"dry_run": dry_run, "job": request.name, "at": request.at or None}
    if dry_run:
        check(stack, request.kind)
        job = new_job(stack, request)
        lines = [
            f"would hand over `{request.command.replace(' --dry-run', '')}` to the container {request.name}{when}",
            f"folder: {request.folder}; user: {job.user[0]}; {len(request.environment)} variables of this shell",
            f"writable: {', '.join(job.writable)}; all else of this machine read-only",
            "nothing was changed (dry run)",
        ]
        fields = {"folder": request.folder, "writable": list(job.writable), "variables": sorted(request.environment)}
        show_text_or_json({**result, **fields}, "\n".join(lines), as_json)
        return
    started = start(stack, request)
    if request.at:
        text = f"scheduled for {local_time(request.at)}; see it: videa status; cancel it: videa abort"
        show_text_or_json(result, text, as_json)
        return
    if request.kind is Kind.AUTOSCALE:
        return
    try:
        ended = _relay(stack, started, as_json)
    except KeyboardInterrupt:
        raise Interrupted(f"{request.name} continues without this terminal", FOLLOW) from None
    if ended is None:
        show_text_or_json(result, f"handed over to {request.name}, which needs no terminal; {FOLLOW}", as_json)
        return
    show_text_or_json({**result, **ended}, f"done: {ended.get('summary', '')}", as_json)


def local_time(moment: float) -> str:
    """A time for people, with the machine's time zone."""
    return time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(moment))


def _relay(stack: Stack, job: str, as_json: Json) -> Mapping[str, Any] | None:
    """Shows the job's events until it has begun. Returns its outcome if it ended before. Raises its error."""
    import msgspec

    from ops.events import Event
    from ops.jobs.supervise import begins
    from videa_cli.render import Progress

    progress, decoder = Progress(as_json), msgspec.json.Decoder(Event)
    try:
        for line in stack.platform.jobs.output(job):
            fields = _fields(line)
            if fields.get("type") == "outcome":
                if fields.get("exit_code"):
                    raise error_of(fields)
                return fields
            with suppress(msgspec.MsgspecError):
                progress(decoder.decode(line))
            if begins(line) or fields.get("type") in BEGUN:
                return None
    finally:
        progress.close()
    raise EngineError(
        f"the job has ended before it began: {stack.platform.jobs.last_words(job) or 'without a word'}",
        "run the command without --detach",
    )


def await_job(stack: Stack) -> bool:
    """Waits while a job is about to run an operation. Returns whether a process runs one. Raises EngineError."""
    from ops.rollout.lock import Lock

    lock = Lock(stack.store, stack.project.name)
    while lock.operation_holder() is None:
        if not any(not job.over and not job.exited and job.at <= time.time() for job in _jobs(stack)):
            return False
        time.sleep(POLL)
    return True


def last_outcome(stack: Stack) -> Mapping[str, Any] | None:
    """The outcome of the last job, if no operation runs, waits or was interrupted; None without one."""
    from ops.rollout.journal import Journal

    ended = [job for job in _jobs(stack) if job.over]
    if not ended or Journal(stack.store, stack.project.name).exists():
        return None
    return _outcome_of(stack, max(ended, key=lambda job: job.created))


def failures(stack: Stack, jobs: Iterable[Job], now: float) -> list[tuple[Job, str]]:
    """Scheduled operations of the last day that failed or were missed, each with its error. ``now``: Unix time."""
    failed = [job for job in jobs if job.kind == Kind.SCHEDULED and job.over and job.exit_code and now - job.at < DAY]
    return [(job, str((_outcome_of(stack, job) or {}).get("error") or "see videa history")) for job in failed]


def _outcome_of(stack: Stack, job: Job) -> Mapping[str, Any] | None:
    lines = map(_fields, stack.platform.jobs.output(job.id))
    return next((fields for fields in lines if fields.get("type") == "outcome"), None)


def _jobs(stack: Stack) -> list[Job]:
    return [job for job in stack.platform.jobs.all(stack.project.name) if job.kind != Kind.AUTOSCALE]


def error_of(outcome: Mapping[str, Any]) -> VideaError:
    """The error with which a job has ended, with the same exit code."""
    code = outcome.get("exit_code")
    kind = next((kind for kind, each in CODES if each == code), OperationFailed)
    return kind(str(outcome.get("error", "it failed")), str(outcome.get("hint", "see videa history")))


def _fields(line: str) -> Mapping[str, Any]:
    try:
        fields = json.loads(line)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
