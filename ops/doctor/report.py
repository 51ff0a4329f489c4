"""Turns facts into a report: runs the checks that can run, and gives the reason for skipping the others."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from ops.doctor import each_edge
from ops.doctor.causes import explain
from ops.doctor.check import Check, Finding, Group, Severity
from ops.doctor.evidence import signs, with_logs
from ops.doctor.facts import Facts, Skipped
from ops.doctor.limits import Limits
from ops.doctor.on_swarm import reworded
from ops.doctor.registry import CHECKS
from ops.doctor.skip import reason_of, trace_of
from ops.doctor.sources import REASON
from ops.errors import UsageError
from ops.redaction.typed import redactor_for


class Report(Struct, frozen=True):
    """The result of a run. ``checked``: ids of the checks that ran; ``seconds``: duration of the whole run."""

    findings: list[Finding]
    skipped: list[Skipped]
    checked: list[str]
    facts: Facts
    seconds: float = 0

    @property
    def known(self) -> dict[str, float]:
        """Findings of the previous run: key -> when it was first seen (epoch seconds)."""
        return self.facts.history.known if self.facts.history else {}

    @property
    def gone(self) -> list[str]:
        """Keys of findings of the previous run that this run has checked for and not found."""
        current = {finding.key for finding in self.findings}
        return [key for key in self.known if key not in current and key.split()[0] in self.checked]

    def since(self, finding: Finding) -> float | None:
        """Epoch seconds of the first of the consecutive runs that saw the finding; None if it is new."""
        return self.known.get(finding.key)

    def count(self, severity: Severity) -> int:
        """The number of findings with that severity."""
        return sum(1 for finding in self.findings if finding.severity is severity)


def selection(only: Iterable[str] = (), skip: Iterable[str] = ()) -> tuple[Check, ...]:
    """The selected checks, by id ("pg.down"), prefix ("pg") or group ("postgres").

    Raises UsageError for an unknown name.
    """
    chosen, excluded = set(only), set(skip)
    for word in sorted(chosen | excluded):
        if not any(word in _names(check) for check in CHECKS):
            raise UsageError(f"there is no check {word}", "see all checks: videa doctor --list")
    return tuple(check for check in CHECKS if (not chosen or chosen & _names(check)) and not excluded & _names(check))


def _names(check: Check) -> set[str]:
    return {check.id, check.id.split(".")[0], check.group.value}


def examine(facts: Facts, limits: Limits, checks: Iterable[Check] = CHECKS) -> Report:
    """Runs the checks on the facts. Pure: the same facts and limits give the same report."""
    findings: list[Finding] = []
    skipped: list[Skipped] = []
    checked: list[str] = []
    for check in checks:
        views = each_edge.views(check, facts)
        judged = [(node, seen) for node, seen in views if not _reason(check.needs, seen)]
        if not judged:
            skipped.append(Skipped(check.id, _reason(check.needs, facts) or ""))
            continue
        try:
            results = [each for node, seen in judged for each in each_edge.run(check, node, seen, limits)]
        except Exception as error:  # a bug in one check must not stop the others
            skipped.append(Skipped(check.id, reason_of(error), trace_of(error)))
            continue
        if not results and (reason := _reason(check.complete, facts)):
            skipped.append(Skipped(check.id, reason))
            continue
        checked.append(check.id)
        findings.extend(results)
    told_by_logs = {finding.key: signs(finding, facts) for finding in findings}
    told = reworded(with_logs(findings, facts), facts)
    return Report(explain(told, told_by_logs), skipped, checked, facts)


def _reason(sources: Iterable[str], facts: Facts) -> str | None:
    """The reason of the first source that is not available; None if all are."""
    return next((why for source in sources if (why := REASON[source](facts))), None)


def told(report: Report) -> Report:
    """The report for display and export: messages of other programs in titles, evidence and reasons are redacted."""
    if not report.findings and not report.skipped:
        return report
    shown = redactor_for().text
    return replace(
        report,
        findings=[replace(each, title=shown(each.title), evidence=shown(each.evidence)) for each in report.findings],
        skipped=[replace(each, reason=shown(each.reason)) for each in report.skipped],
    )


def group_of(check_id: str) -> Group:
    """The group of a check. Raises KeyError."""
    return _GROUPS[check_id]


_GROUPS = {check.id: check.group for check in CHECKS}
