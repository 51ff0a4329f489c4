"""Checks, before an operation, that its result can be recorded, so that ``docker compose up -d`` does not revert it."""

from __future__ import annotations

from ops.events import Emit
from ops.notices import ReplicasFixed, ShellOnly, VariableShared
from ops.project.config import Project
from ops.project.pins import check_writable
from ops.rollout.targets import from_shell, variables_of
from ops.steps import Target


def check_remembering(project: Project, target: Target, replicas: int, emit: Emit) -> None:
    """Emits an event for each part that cannot be recorded. Raises ConfigError if nothing can be recorded."""
    check_writable(project, variables_of(project, target, replicas))
    shell = from_shell(project)
    if shell.secret:
        emit(ShellOnly(tuple(shell.secret)))
    for name in sorted(shell.to_remember.keys() & target.overrides.keys()):
        if others := project.readers(name):
            emit(VariableShared(name, tuple(others)))
    if project.pins.replicas is None and replicas != project.replicas:
        emit(ReplicasFixed(project.replicas, f"{project.settings.service.upper()}_REPLICAS"))
