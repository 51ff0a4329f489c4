"""The doctor: collect facts, remember earlier ones, examine, report. The one entrance for callers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import msgspec

from ops.doctor.check import Check
from ops.doctor.collect import collect
from ops.doctor.limits import Limits
from ops.doctor.registry import CHECKS
from ops.doctor.report import Report, examine
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
    """Examines the project as it is now and changes nothing. An engine that does not answer is a finding, no error.

    With ``prove`` tokens are replayed among the instances.
    What trends need is remembered in the project's folder, if that can be written to.
    """
    started = time.monotonic()
    facts = collect(project, connect, prove=prove)
    ring = Ring(project.directory, project.name)
    try:
        remembered = ring.read()
        facts = with_history(facts, remembered)
    except OSError as error:
        remembered, facts = [], without_history(facts, f"{ring.path.name} cannot be read: {error.strerror}")
    report = examine(facts, limits or Limits(), checks)
    if facts.engine is not None:
        with suppress(OSError):
            ring.append(remembered, snapshot(report))
    return msgspec.structs.replace(report, seconds=time.monotonic() - started)
