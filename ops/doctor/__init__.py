"""The doctor: collects facts, adds those of earlier runs, runs the checks, reports. The entry point for callers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import cache

import msgspec

from ops.doctor.check import Check
from ops.doctor.closer import look_closer, needs_a_closer_look
from ops.doctor.collect import DEADLINE, collect, run_all
from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.registry import CHECKS
from ops.doctor.report import Report, examine, told
from ops.doctor.ring import Ring, snapshot, with_history, without_history
from ops.doctor.sources import ENGINE, HISTORY
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

    With ``prove``, tokens of each instance are replayed on the others. The data for trends is stored on the engine.
    """
    started = time.monotonic()
    connected = cache(connect)
    facts = collect(project, connected, prove=prove)
    ring = Ring(connected().store, project) if facts.engine else None
    facts = _with_earlier(facts, ring)
    checks = tuple(checks)
    report = examine(facts, limits or Limits(), checks)
    if facts.engine and needs_a_closer_look(report):
        report = examine(look_closer(report, connected()), limits or Limits(), checks)
    report = told(report)
    if ring and facts.history:
        run_all({HISTORY: lambda: ring.append(snapshot(report))}, DEADLINE)
    return msgspec.structs.replace(report, seconds=time.monotonic() - started)


def _with_earlier(facts: Facts, ring: Ring | None) -> Facts:
    """The facts with the results of earlier runs, if the engine returns them in time."""
    if ring is None:
        return without_history(facts, facts.why_skipped(ENGINE))
    answers, skipped, _ = run_all({HISTORY: ring.read}, DEADLINE)
    if skipped:
        return msgspec.structs.replace(facts, skipped=[*facts.skipped, *skipped])
    return with_history(facts, answers[HISTORY])
