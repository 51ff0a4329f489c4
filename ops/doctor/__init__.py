"""The doctor: collects facts, adds earlier ones, runs the checks, reports. The entry point for callers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import msgspec

from ops.doctor.check import Check
from ops.doctor.collect import collect
from ops.doctor.limits import Limits
from ops.doctor.registry import CHECKS
from ops.doctor.report import Report, examine, told
from ops.doctor.ring import Ring, snapshot, with_history, without_history
from ops.project.config import Project
from ops.stack import Stack


def diagnose(
    project: Project,
    connect: Callable[[], Stack],
    checks: Iterable[Check] = CHECKS,
    limits: Limits | None = None,
    prove: bool = False,
) -> Report:
    """Examines the project's current state and changes nothing. An engine that does not answer is a finding.

    With ``prove``, tokens are replayed between the instances. The data for trends is stored in the project's folder, if
    it is writable.
    """
    started = time.monotonic()
    facts = collect(project, connect, prove=prove)
    ring = Ring(project.directory, project.name)
    try:
        snapshots = ring.read()
        facts = with_history(facts, snapshots)
    except OSError as error:
        snapshots, facts = [], without_history(facts, f"{ring.path.name} cannot be read: {error.strerror}")
    report = told(examine(facts, limits or Limits(), checks))
    if facts.engine is not None:
        with suppress(OSError):
            ring.append(snapshots, snapshot(report))
    return msgspec.structs.replace(report, seconds=time.monotonic() - started)
