"""The report as scripts read it: `videa doctor --json`. Its shape is versioned; docs/doctor.schema.json describes it.

A field may be added within a version; one that changes its meaning or goes makes a new one.
"""

from __future__ import annotations

from inspect import cleandoc
from typing import Any, Literal

import msgspec
from msgspec import Struct

from ops.doctor.causes import chain
from ops.doctor.check import Finding, Group, Severity
from ops.doctor.facts import Proof
from ops.doctor.report import Report, group_of

SCHEMA: Literal[1] = 1


class AnsweredFinding(Struct, frozen=True):
    """What is wrong, most important first, each followed by what it leads to.

    ``subject``: the container it is about, or "". ``cause``: id of the finding that it follows from, or "".
    ``leads_to``: ids of what follows from it, nearest first. ``since``: when it was first seen without a break, epoch
    seconds; null for a new one. ``evidence`` and ``fix``: one or more lines.
    """

    id: str
    group: Group
    severity: Severity
    title: str
    evidence: str
    why: str
    fix: str
    subject: str
    cause: str
    leads_to: list[str]
    since: float | None


class Skipped(Struct, frozen=True):
    """What could not be looked at, and why. ``id`` is a source ("postgres") or a check ("pg.conn_high")."""

    id: str
    reason: str


class Answer(Struct, frozen=True):
    """``taken``: epoch seconds; ``seconds``: how long it took; ``checked``: ids of the checks that ran.

    ``skipped``: checks that could not run and why; they are neither good nor bad. ``proof``: only with ``--prove``.
    ``gone``: what the run before has found and this one no longer does, each "id" or "id container".
    """

    schema: Literal[1]
    project: str
    taken: float
    seconds: float
    findings: list[AnsweredFinding]
    skipped: list[Skipped]
    checked: list[str]
    proof: Proof | None
    gone: list[str]


def answer(report: Report) -> Answer:
    """The report in the shape for scripts."""
    return Answer(
        schema=SCHEMA,
        project=report.facts.project,
        taken=report.facts.taken,
        seconds=round(report.seconds, 3),
        findings=[_finding(one, report) for one in report.findings],
        skipped=[Skipped(one.id, one.reason) for one in report.skipped],
        checked=report.checked,
        proof=report.facts.proof,
        gone=report.gone,
    )


def as_json(report: Report) -> bytes:
    """The same as JSON text."""
    return msgspec.json.encode(answer(report))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of ``Answer``."""
    schema = msgspec.json.schema(Answer)
    for one in schema["$defs"].values():
        if "description" in one:
            one["description"] = cleandoc(one["description"])
    return schema


def _finding(one: Finding, report: Report) -> AnsweredFinding:
    return AnsweredFinding(
        id=one.id,
        group=group_of(one.id),
        severity=one.severity,
        title=one.title,
        evidence=one.evidence,
        why=one.why,
        fix=one.fix,
        subject=one.subject,
        cause=one.cause,
        leads_to=[] if one.cause else [each.id for each in chain(one, report.findings)],
        since=report.since(one),
    )
