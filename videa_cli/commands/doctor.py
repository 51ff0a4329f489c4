"""videa doctor"""

from __future__ import annotations

import os
import time
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.errors import UsageError, VideaError
from videa_cli.context import Options
from videa_cli.failure import show_failure
from videa_cli.json_output import Json
from videa_cli.numbers import decimal

if TYPE_CHECKING:
    from ops.doctor.report import Report
    from ops.engine.answers import Answers

Chosen = tuple[tuple[str, ...], tuple[str, ...]]
"""The values of --only and of --skip."""


NICENESS = 15
"""The niceness of doctor, so that it does not slow down replicas on the same machine."""


class DoctorExit(IntEnum):
    """The exit codes of `videa doctor`, for monitoring scripts. They differ from those of other commands."""

    HEALTHY = 0
    WARNINGS = 1
    FAILURES = 2
    COULD_NOT_RUN = 3


class FailOn(StrEnum):
    """The lowest severity with an exit code other than 0."""

    FAIL = "fail"
    WARN = "warn"


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print findings[] and skipped[] as JSON.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the checks with their thresholds.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CHECK", help="Run only this check (pg.down) or group (postgres)."),
    ] = None,
    skip: Annotated[list[str] | None, typer.Option("--skip", metavar="CHECK", help="Skip this check or group.")] = None,
    prove: Annotated[
        bool, typer.Option("--prove", help="Replay a token of each instance on all others, and test the shared limit.")
    ] = False,
    fix: Annotated[bool, typer.Option("--fix", help="List the safe fixes; with --apply, do them.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="With --fix: ask, then do each fix.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --fix --apply: do not ask.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Repeat until Ctrl-C.")] = False,
    interval: Annotated[
        float,
        typer.Option("--interval", parser=decimal(1), metavar="SECONDS", help="With --watch: pause between runs."),
    ] = 10,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="FILE", help="Also write a bundle without secrets, for others to examine."),
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Examine a bundle instead of the stack.")
    ] = None,
    notify: Annotated[
        bool, typer.Option("--notify", help="Have the agent notify about new and gone findings: see docs/notify.md.")
    ] = False,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="Lowest severity with an exit code other than 0.")
    ] = FailOn.FAIL,
) -> None:
    """Find what is wrong, why it matters, and how to fix it.

    Changes nothing without --fix --apply.

    \b
    Exit codes:
      0 healthy   1 warnings only, with --fail-on warn   2 failures   3 doctor could not run

    \b
    Examples:
      videa doctor
      videa doctor --only postgres --only lb.stale
      videa doctor --json | jq -r '.findings[] | select(.severity == "fail") | .id'
      videa doctor --prove
      videa doctor --fix --apply
      videa doctor --bundle sick.tar.gz
      videa doctor --from sick.tar.gz
      videa doctor --notify
    """
    options: Options = context.obj
    chosen = tuple(only or ()), tuple(skip or ())
    os.nice(NICENESS)
    try:
        if (apply and not fix) or (yes and not apply):
            raise UsageError("--apply needs --fix, and --yes needs both", "use: videa doctor --fix --apply")
        if watch and (fix or bundle or source or prove):
            raise UsageError("--watch only reports", "leave out --fix, --bundle, --from and --prove")
        if notify and (only or skip or source or watch):
            raise UsageError("--notify compares complete runs", "leave out --only, --skip, --from and --watch")
        if source and (fix or bundle or prove):
            raise UsageError(
                "--from examines a bundle, not the stack",
                "leave out --fix, --bundle and --prove; to fix the stack: videa doctor --fix",
            )
        if listing:
            _list(as_json, *chosen)
            return
        if watch:
            _watch(options, chosen, as_json, interval)
            return
        report = _replay(source, chosen) if source else _examine(options, chosen, bundle, prove)
        if notify:
            _notify(options, report)
    except VideaError as error:
        show_failure(error, Json.RESULT if as_json else Json.NO, options.verbose)
        raise typer.Exit(DoctorExit.COULD_NOT_RUN) from None
    _show(report, as_json)
    if options.verbose:
        _show_bugs(report)
    if fix and not source:
        _fix(options, report, apply, yes)
    raise typer.Exit(_exit_code(report, fail_on))


def _examine(
    options: Options, chosen: Chosen, bundle: Path | None = None, prove: bool = False, answers: Answers | None = None
) -> Report:
    from functools import partial

    from ops.doctor import diagnose
    from ops.doctor.report import selection
    from ops.factory import open_stack

    project = options.load(answers)
    report = diagnose(project, partial(open_stack, project), selection(*chosen), prove=prove)
    if bundle:
        from ops.doctor.bundle import write_bundle

        names = write_bundle(bundle, project, open_stack(project).platform if report.facts.engine else None, report)
        typer.echo(f"{bundle}: {len(names)} files, secrets removed", err=True)
    return report


def _replay(source: Path, chosen: Chosen) -> Report:
    from ops.doctor.bundle import replay
    from ops.doctor.report import selection

    return replay(source, selection(*chosen))


def _watch(options: Options, chosen: Chosen, as_json: bool, interval: float) -> None:
    """Reports until Ctrl-C; in a terminal, each report replaces the previous one."""
    from videa_cli.console import console

    out, answers = console(), options.remembering()
    try:
        while True:
            report = _examine(options, chosen, answers=answers)
            live = out.is_terminal and not as_json
            if live:
                out.clear()
            _show(report, as_json)
            if live:
                out.print(f"[dim]{time.strftime('%H:%M:%S')}, again in {interval:g} s; stop with Ctrl-C[/]")
            time.sleep(interval)
    except KeyboardInterrupt:
        return


def _fix(options: Options, report: Report, apply: bool, yes: bool) -> None:
    """Lists the remedies or, with ``apply``, applies the confirmed ones. Does not affect the exit code."""
    from ops.doctor.remedies import COMMAND, remedies
    from ops.operations import Operation
    from videa_cli.render import Progress

    stack = options.stack()

    def scale(service: str, replicas: int) -> None:
        Operation(stack.of(service), Progress(), COMMAND).scale(lambda _: replicas)

    for remedy in remedies(report, stack, scale):
        if not apply:
            typer.echo(f"would {remedy.text} ({remedy.finding}); to do it: videa doctor --fix --apply", err=True)
        elif yes or typer.confirm(f"{remedy.text} ({remedy.finding})?", err=True):
            try:
                remedy.act()
                typer.echo(f"done: {remedy.text}", err=True)
            except VideaError as error:
                show_failure(error, Json.NO, options.verbose)


def _notify(options: Options, report: Report) -> None:
    """Queues new and resolved findings since the last run with --notify. Raises EngineError."""
    from ops.doctor.report import told
    from ops.factory import open_store
    from ops.notify.findings import compared

    found = {each.key: (each.severity.value, each.title) for each in told(report).findings}
    project = options.load()
    compared(open_store(None, project), project, found, report.checked, time.time())


def _list(as_json: bool, only: tuple[str, ...], skip: tuple[str, ...]) -> None:
    from ops.doctor.report import selection

    checks = selection(only, skip)
    if as_json:
        import json

        rows = [
            {"id": check.id, "group": check.group.value, "threshold": check.threshold, "source": check.source}
            for check in checks
        ]
        typer.echo(json.dumps({"checks": rows}))
        return
    from videa_cli.console import console
    from videa_cli.doctor_view import show_checks

    show_checks(console(), checks)


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        from ops.doctor.answer import as_json as in_json

        typer.echo(in_json(report).decode())
        return
    from videa_cli.console import console
    from videa_cli.doctor_view import show_report

    show_report(console(), report)


def _show_bugs(report: Report) -> None:
    """Prints the traceback of each bug in videa only once, even if a bug in one source affects several checks."""
    for trace in dict.fromkeys(skip.trace for skip in (*report.facts.skipped, *report.skipped) if skip.trace):
        typer.echo(trace, err=True)


def _exit_code(report: Report, fail_on: FailOn) -> DoctorExit:
    from ops.doctor.check import Severity

    if report.count(Severity.FAIL):
        return DoctorExit.FAILURES
    if report.count(Severity.WARN) and fail_on is FailOn.WARN:
        return DoctorExit.WARNINGS
    return DoctorExit.HEALTHY
