"""The report for scripts: `videa doctor --json`. Its structure is versioned; docs/doctor.schema.json describes it.

A version may add fields; a field that is removed or changes its meaning requires a new version.
"""

from __future__ import annotations

from inspect import cleandoc
from typing import Any, Literal

import msgspec
from msgspec import Struct

from ops.doctor.causes import chain
from ops.doctor.check import Finding, Group, Severity
from ops.doctor.facts_replicas import Proof
from ops.doctor.report import Report, group_of

SCHEMA: Literal[1] = 1


class AnsweredFinding(Struct, frozen=True):
    """One problem. Findings are sorted by importance, each followed by its effects.

    ``subject``: the affected container, or "". ``cause``: id of the finding that causes it, or "". ``leads_to``: ids of
    its effects, nearest first. ``since``: epoch seconds of the first of the consecutive runs that saw it; null if it is
    new. ``evidence`` and ``fix``: one or more lines.
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
    """What could not be examined, and why. ``id`` is a source ("postgres") or a check ("pg.conn_high")."""

    id: str
    reason: str


class Answer(Struct, frozen=True):
    """``taken``: epoch seconds; ``seconds``: duration of the run; ``checked``: ids of the checks that ran.

    ``skipped``: checks that could not run, and why; they are neither good nor bad. ``proof``: only with ``--prove``.
    ``gone``: findings of the previous run that no longer exist, each "id" or "id container".
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
    """The report in the structure for scripts."""
    return Answer(
        schema=SCHEMA,
        project=report.facts.project,
        taken=report.facts.taken,
        seconds=round(report.seconds, 3),
        findings=[_finding(finding, report) for finding in report.findings],
        skipped=[Skipped(skip.id, skip.reason) for skip in report.skipped],
        checked=report.checked,
        proof=report.facts.proof,
        gone=report.gone,
    )


def as_json(report: Report) -> bytes:
    """The answer as JSON text."""
    return msgspec.json.encode(answer(report))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of ``Answer``."""
    schema = msgspec.json.schema(Answer)
    for definition in schema["$defs"].values():
        if "description" in definition:
            definition["description"] = cleandoc(definition["description"])
    return schema


def _finding(finding: Finding, report: Report) -> AnsweredFinding:
    return AnsweredFinding(
        id=finding.id,
        group=group_of(finding.id),
        severity=finding.severity,
        title=finding.title,
        evidence=finding.evidence,
        why=finding.why,
        fix=finding.fix,
        subject=finding.subject,
        cause=finding.cause,
        leads_to=[] if finding.cause else [effect.id for effect in chain(finding, report.findings)],
        since=report.since(finding),
    )
