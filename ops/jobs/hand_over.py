"""Hands an operation over to a job."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ops.errors import LockHeld, PlanRefused
from ops.jobs import files
from ops.jobs.kind import Kind
from ops.jobs.request import Request, file_of, write
from ops.models import Job, NewJob
from ops.rollout.operator import whoami
from ops.stack import Stack

SUPERVISOR = ("-P", "-m", "videa_cli.job")
"""What Python runs in the container; `-P`: does not import modules from the project's folder."""

PYTHON = ("HOME", "PYTHONPATH", "LANG", "LC_ALL", "TZ")
"""Variables with which Python finds its modules and the time zone. The others are in the file of the request."""


def check(stack: Stack, kind: Kind) -> Job | None:
    """The ended job of this kind, which may be removed. Changes nothing.

    Raises PlanRefused if jobs cannot run here, LockHeld if a job of this kind has not ended, EngineError.
    """
    jobs = stack.platform.jobs
    if why := jobs.obstacle():
        raise PlanRefused(f"nothing can be handed over: {why}", "run it in this terminal, or on the engine's machine")
    present = next((job for job in jobs.all(stack.project.name) if job.kind == kind), None)
    if present and not present.over:
        raise LockHeld(
            f"a job is not over: `{present.command}` of {present.who}", "see videa status; to end it: videa abort"
        )
    return present


def new_job(stack: Stack, request: Request) -> NewJob:
    """The container for a request."""
    path = file_of(stack.project.directory, request.project, request.kind)
    labels = {
        "videa.job": request.project,
        "videa.job.kind": request.kind.value,
        "videa.job.command": request.command,
        "videa.job.who": whoami(),
        "videa.job.at": f"{request.at:.0f}",
    }
    return NewJob(
        name=request.name,
        labels=labels,
        words=(sys.executable, *SUPERVISOR, str(path), request.name),
        environment={name: request.environment[name] for name in PYTHON if name in request.environment},
        folder=request.folder,
        user=(os.getuid(), os.getgid()),
        groups=tuple(os.getgroups()),
        read_only=files.read_only(),
        writable=files.writable(stack.project, str(Path.home())),
    )


def start(stack: Stack, request: Request) -> str:
    """Starts the job and returns its id. Raises like ``check``, and ConfigError."""
    jobs, path = stack.platform.jobs, file_of(stack.project.directory, request.project, request.kind)
    if earlier := check(stack, request.kind):
        jobs.remove(earlier.id)
    write(path, request)
    try:
        started = jobs.start(new_job(stack, request))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if started is None:
        raise LockHeld(f"{request.name} was started by somebody else", "see videa status")
    return started
