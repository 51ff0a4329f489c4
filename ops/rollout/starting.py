"""Starting more replicas beside the ones there are: Compose makes them, and the engine starts them.

Compose counts the containers that there are, and starts those that have ended. While drained replicas are stopping both
would go wrong, so none is removed while Compose counts, and Compose starts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.engine.compose import more_arguments
from ops.engine.effects import check_harmless, run_harmless
from ops.engine.replicas import start
from ops.project.config import Project
from ops.rollout.stopping import Stopping
from ops.stack import Stack
from ops.steps import Target


def start_replicas(stack: Stack, count: int, target: Target, stopping: Stopping, started: list[str]) -> None:
    """Starts ``count`` more replicas as ``target``, and adds their names to ``started``, also when it fails.

    Raises LockHeld, PlanRefused when Compose would change anything else, EngineError and its kinds.
    """
    by_compose = needs_compose(stack.project)
    if by_compose:
        stopping.wait()
    new: list[str] = []
    with stopping.paused():
        before = {replica.name for replica in stack.replicas()}
        arguments = _arguments(stack.project, len(before) + count, by_compose)
        try:
            run_harmless(stack.project.compose, arguments, target.overrides, permit=stopping.permit)
        finally:
            new += [replica.name for replica in stack.replicas() if replica.name not in before]
            started += new
    if not by_compose:
        for name in new:
            stopping.permit()
            start(stack.engine, name)


def check_start(stack: Stack, present: int, count: int, target: Target) -> None:
    """Refuses before anything is changed what ``start_replicas`` would refuse. ``present``: replicas that there are.

    Raises PlanRefused, EngineError and its kinds.
    """
    arguments = _arguments(stack.project, present + count, needs_compose(stack.project))
    check_harmless(stack.project.compose, arguments, target.overrides)


def needs_compose(project: Project) -> bool:
    """Whether only Compose can start the service: it does more then than the engine, for hooks and file contents."""
    return bool(project.service.get("post_start")) or any(
        _has_content(project, kind) for kind in ("configs", "secrets")
    )


def _has_content(project: Project, kind: str) -> bool:
    """Whether a config or secret of the service is no file of the host, so that it is copied into the container."""
    sources: Mapping[str, Any] = project.model.get(kind) or {}
    used = (each["source"] if isinstance(each, dict) else each for each in project.service.get(kind) or [])
    return any({"content", "environment"} & set(sources.get(name) or {}) for name in used)


def _arguments(project: Project, total: int, by_compose: bool) -> list[str]:
    return more_arguments(project.compose, project.settings.service, total, start=by_compose)
