"""From facts to a report: run the checks that can be run, say of the others why not."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ops.doctor.causes import explain
from ops.doctor.check import Check, Finding, Group, Severity
from ops.doctor.facts import Facts, Skipped
from ops.doctor.limits import Limits
from ops.doctor.registry import CHECKS
from ops.doctor.skip import reason_of, trace_of
from ops.doctor.sources import REASON
from ops.errors import UsageError


class Report(Struct, frozen=True):
    """What the doctor says. ``checked``: ids of the checks that ran; ``seconds``: of the whole examination."""

    findings: list[Finding]
    skipped: list[Skipped]
    checked: list[str]
    facts: Facts
    seconds: float = 0

    @property
    def known(self) -> dict[str, float]:
        """What the run before has found: when each was first seen (epoch seconds), by the finding's key."""
        return self.facts.history.known if self.facts.history else {}

    @property
    def gone(self) -> list[str]:
        """Keys of what the run before has found, and this one has looked for and not found."""
        found = {finding.key for finding in self.findings}
        return [key for key in self.known if key not in found and key.split()[0] in self.checked]

    def since(self, finding: Finding) -> float | None:
        """When the finding was first seen by a run without a break since (epoch seconds); None for a new one."""
        return self.known.get(finding.key)

    def count(self, severity: Severity) -> int:
        """How many findings of that severity."""
        return sum(1 for finding in self.findings if finding.severity is severity)


def selection(only: Iterable[str] = (), skip: Iterable[str] = ()) -> tuple[Check, ...]:
    """The checks that were asked for, by id ("pg.down"), prefix ("pg") or group ("postgres").

    Raises UsageError for a word that names no check.
    """
    chosen, refused = set(only), set(skip)
    for word in sorted(chosen | refused):
        if not any(word in _names(check) for check in CHECKS):
            raise UsageError(f"no check is called {word}", "videa doctor --list shows them all")
    return tuple(check for check in CHECKS if (not chosen or chosen & _names(check)) and not refused & _names(check))


def _names(check: Check) -> set[str]:
    return {check.id, check.id.split(".")[0], check.group.value}


def examine(facts: Facts, limits: Limits, checks: Iterable[Check] = CHECKS) -> Report:
    """Runs the checks on the facts. Pure: the same facts and limits give the same report."""
    findings: list[Finding] = []
    skipped: list[Skipped] = []
    checked: list[str] = []
    for check in checks:
        reason = next((why for need in check.needs if (why := REASON[need](facts))), None)
        if reason is not None:
            skipped.append(Skipped(check.id, reason))
            continue
        try:
            found = list(check.run(facts, limits))
        except Exception as error:  # one check with a bug must not take the others with it
            skipped.append(Skipped(check.id, reason_of(error), trace_of(error)))
            continue
        checked.append(check.id)
        findings.extend(found)
    return Report(explain(findings), skipped, checked, facts)


def group_of(check_id: str) -> Group:
    """The group that a check belongs to. Raises KeyError."""
    return _GROUPS[check_id]


_GROUPS = {check.id: check.group for check in CHECKS}
