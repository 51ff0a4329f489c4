"""A closer look at failures: the containers' logs, and what the replicas can reach. A healthy stack needs none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from ops.doctor.collectors import reach
from ops.doctor.evidence import suspects
from ops.doctor.facts import Facts
from ops.doctor.facts_replicas import InstanceFacts
from ops.doctor.facts_services import LogGroup
from ops.doctor.log_lines import groups
from ops.doctor.report import Report
from ops.errors import VideaError
from ops.redaction.typed import redactor_for
from ops.stack import Stack

LOG_SECONDS = 600.0
"""How far back a log is read, from now or from the container's exit."""

LOG_LINES = 3000
FRESH = 60.0
"""Seconds without repetition after which an error counts as over."""
MOST = 6
"""Maximum number of containers whose logs are read, and of replicas that are tested."""

_Answer = TypeVar("_Answer")


def needs_a_closer_look(report: Report) -> bool:
    """Whether there are findings, or a replica reports a problem that is not a finding yet."""
    return bool(report.findings) or any(map(_fails, report.facts.instances or []))


def look_closer(report: Report, stack: Stack) -> Facts:
    """The facts plus a closer look at what the report names. What cannot be read is left out."""
    facts = report.facts
    names = suspects(report.findings, facts)[:MOST]
    failing = [instance.name for instance in facts.instances or [] if _fails(instance)][:MOST]
    wanted = reach.targets(stack.project.service.get("environment") or {}, facts.services)
    redact = redactor_for([service.get("environment") for service in stack.project.model["services"].values()]).text
    logs = {name: partial(_log, stack, facts, name, redact) for name in names}
    ways = {name: partial(reach.reached, stack.platform, name, wanted) for name in failing}
    return replace(facts, logs=_all(logs), reach=_all(ways))


def _fails(instance: InstanceFacts) -> bool:
    """Whether a replica reports that it is not ready or that a dependency fails."""
    return not instance.is_ready or "fail" in (instance.database, instance.redis)


def _log(stack: Stack, facts: Facts, name: str, redact: Callable[[str], str]) -> list[LogGroup]:
    container = next(each for each in facts.containers or [] if each.name == name)
    end = facts.taken if container.running or not container.finished else container.finished
    return groups(stack.platform.recent_log(container.id, end - LOG_SECONDS, LOG_LINES), redact, end - FRESH)


def _all(asked: Mapping[str, Callable[[], list[_Answer]]]) -> dict[str, list[_Answer]]:
    """The non-empty answers, requested in parallel."""

    def ask(one: Callable[[], list[_Answer]]) -> list[_Answer]:
        try:
            return one()
        except VideaError:
            return []

    if not asked:
        return {}
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = dict(zip(asked, pool.map(ask, asked.values()), strict=True))
    return {name: answer for name, answer in answers.items() if answer}
