"""The doctor's report for people: failures first, each with its evidence and fix, and one line per healthy group."""

from __future__ import annotations

from collections import defaultdict

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ops.doctor.causes import chain
from ops.doctor.check import Check, Finding, Group, Severity
from ops.doctor.facts_replicas import Proof
from ops.doctor.report import Report, group_of
from ops.doctor.words import listing, span

_MARK = {
    Severity.FAIL: "[bold red]FAIL[/]",
    Severity.WARN: "[yellow]WARN[/]",
    Severity.INFO: "[cyan]INFO[/]",
}
_INDENT = 6


def show_report(console: Console, report: Report) -> None:
    """Prints the whole report."""
    by_group: dict[Group, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        if not finding.cause:
            by_group[group_of(finding.id)].append(finding)
    with_findings = {group_of(finding.id) for finding in report.findings}
    with_roots = [group for group in Group if by_group[group]]
    # The group with the worst root cause comes first; report.findings is already in that order.
    with_roots.sort(key=lambda group: report.findings.index(by_group[group][0]))
    for group in with_roots:
        console.print(f"[bold]{group.value}[/]", highlight=False)
        for finding in by_group[group]:
            _show_finding(console, finding, report)
    for group in Group:
        if group not in with_findings:
            _show_healthy(console, report, group)
    if report.facts.proof:
        _show_proof(console, report.facts.proof)
    _show_skipped(console, report)
    _show_changes(console, report)
    _show_sum(console, report)


def show_checks(console: Console, checks: tuple[Check, ...]) -> None:
    """Prints ``videa doctor --list``: the id, group and threshold of each check, and the source of the threshold."""
    table = Table("check", "group", "threshold", "source", box=None, pad_edge=False, header_style="bold")
    for check in checks:
        table.add_row(check.id, check.group.value, check.threshold, check.source)
    console.print(table)


def _show_finding(console: Console, finding: Finding, report: Report) -> None:
    first_seen = report.since(finding)
    age = f" for {span(report.facts.taken - first_seen)}" if first_seen else " new" if _has_history(report) else ""
    console.print(
        f"{_MARK[finding.severity]}  [bold]{escape(finding.title)}[/]  [dim]{finding.id}{age}[/]", highlight=False
    )
    for line in finding.evidence.splitlines():
        _line(console, escape(line))
    _line(console, f"[dim]{escape(finding.why)}[/]")
    for number, line in enumerate(finding.fix.splitlines()):
        _command(console, f"[green]{'fix:' if number == 0 else '    '}[/] {escape(line)}")

    for effect in _chain(finding, report):
        _line(console, f"-> {_MARK[effect.severity]} {escape(effect.title)}  [dim]{effect.id}[/]")
        for line in effect.evidence.splitlines()[:2]:
            _line(console, f"[dim]{escape(line)}[/]", _INDENT + 3)


def _chain(root: Finding, report: Report) -> list[Finding]:
    """The findings that follow from the root cause, shown only below the first root with its id."""
    first = next(finding for finding in report.findings if finding.id == root.id and not finding.cause)
    return chain(root, report.findings) if root is first else []


def _has_history(report: Report) -> bool:
    return bool(report.facts.history and report.facts.history.since)


def _line(console: Console, text: str, indent: int = _INDENT) -> None:
    """Prints a line that keeps its indent when it wraps."""
    console.print(Padding(Text.from_markup(text), (0, 0, 0, indent), expand=False), highlight=False, soft_wrap=False)


def _command(console: Console, text: str) -> None:
    """Prints a line that never wraps, so that it can be copied."""
    console.print(" " * _INDENT + text, highlight=False, soft_wrap=True)


def _show_proof(console: Console, proof: Proof) -> None:
    """Prints the matrix: rows are the instances that issued a token, columns the instances that it was replayed on."""
    console.print("[bold]tokens[/] [dim]minted on (rows), replayed on (columns)[/]", highlight=False)
    names = list(dict.fromkeys(name for row in proof.matrix.values() for name in row))
    table = Table("", *(str(number) for number in range(1, len(names) + 1)), box=None, pad_edge=False)
    for minted, row in proof.matrix.items():
        marks = ("[green]ok[/]" if row[name] == 200 else f"[red]{row[name] or 'no answer'}[/]" for name in names)
        name = f"{names.index(minted) + 1} {minted}" if minted in names else minted
        table.add_row(escape(name), *marks)
    console.print(table)
    console.print(_limits(proof), highlight=False, soft_wrap=False)


def _limits(proof: Proof) -> str:
    first: dict[str, int] = {}
    for name, count in proof.remaining:
        first.setdefault(name, count)
    if not first:
        return "[bold]limits[/] [dim]no answer reported what was left[/]"
    left = ", ".join(f"{escape(name)} {count}" for name, count in first.items())
    counters = "[green]one counter[/]" if proof.counters == 1 else f"[red]{proof.counters} separate counters[/]"
    return (
        f"[bold]limits[/] {counters} in {len(proof.remaining)} requests of one user to {len(first)} instances;"
        f" remaining after the first request to each: {left}"
    )


def _show_healthy(console: Console, report: Report, group: Group) -> None:
    checked = sum(1 for check_id in report.checked if group_of(check_id) is group)
    if checked:
        console.print(
            f"[green]ok[/]    [bold]{group.value}[/] [dim]{checked} check{'s' if checked > 1 else ''}[/]",
            highlight=False,
        )


def _show_skipped(console: Console, report: Report) -> None:
    reasons: dict[str, list[str]] = defaultdict(list)
    for skip in report.skipped:
        reasons[skip.reason].append(skip.id)
    for reason, ids in reasons.items():
        console.print(f"[yellow]skip[/]  {escape(reason)}: [dim]{listing(ids, 6)}[/]", highlight=False, soft_wrap=False)


def _show_changes(console: Console, report: Report) -> None:
    """Prints new and resolved findings since the previous run."""
    last = report.facts.history.last if report.facts.history else None
    new = [finding.id for finding in report.findings if report.since(finding) is None]
    if last is None or not (new or report.gone):
        return
    changes = [f"new: {listing(list(dict.fromkeys(new)))}"] if new else []
    changes += [f"gone: {listing(report.gone)}"] if report.gone else []
    console.print(f"last run {span(report.facts.taken - last)} ago; {'; '.join(changes)}", highlight=False)


def _show_sum(console: Console, report: Report) -> None:
    fails, warns = report.count(Severity.FAIL), report.count(Severity.WARN)
    skipped = f", {len(report.skipped)} skipped" if report.skipped else ""
    console.print(
        f"{len(report.checked)} checks in {report.seconds:.1f} s: "
        f"{fails} failure{'' if fails == 1 else 's'}, {warns} warning{'' if warns == 1 else 's'}{skipped}",
        highlight=False,
    )
