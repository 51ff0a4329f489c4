"""videa deploy"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ops.errors import TAKE_UP, OperationFailed, UsageError
from ops.jobs.kind import Kind
from videa_cli.at import at as parse_option
from videa_cli.context import Options
from videa_cli.deploying import KEEP, Asked, deploy_services, strategy_of
from videa_cli.detaching import await_job, error_of, hand_over, in_job, last_outcome
from videa_cli.json_output import AsJson, Json, show_text_or_json
from videa_cli.lock_wait import LockWait
from videa_cli.numbers import decimal, whole

AT = "Start at this time, without this terminal: 03:00, or 2026-12-01T03:00."

PATIENCE = 600.0
"""Seconds for which a scheduled deploy waits for another operation to end."""

if TYPE_CHECKING:
    from ops.operations import Operation
    from ops.outcome import Outcome


def deploy(
    context: typer.Context,
    services: Annotated[
        list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Default: all that videa scales.")
    ] = None,
    image: Annotated[str | None, typer.Option("--image", metavar="REF", help="The image to run.")] = None,
    build: Annotated[bool, typer.Option("--build", help="Build the service's image first.")] = False,
    pull: Annotated[
        bool, typer.Option("--pull", help="Pull the images first: a tag may have been pushed again.")
    ] = False,
    rolling: Annotated[bool, typer.Option("--rolling", help="Replace a few replicas at a time (the default).")] = False,
    blue_green: Annotated[bool, typer.Option("--blue-green", help="Start all new replicas, then switch once.")] = False,
    canary: Annotated[
        bool, typer.Option("--canary", help="Increase the traffic in steps and judge each step.")
    ] = False,
    surge: Annotated[
        int | None,
        typer.Option(
            "--surge", parser=whole(1), metavar="N", help="Rolling: replicas at a time [update_config, otherwise 1]."
        ),
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option(
            "--check", metavar="CMD|/PATH", help="Blue-green: test the new set before the switch; may be repeated."
        ),
    ] = None,
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="TIME", help=f"Blue-green: keep the old set running [{KEEP}].")
    ] = None,
    pause_at: Annotated[
        list[float] | None,
        typer.Option(
            "--pause-at",
            parser=decimal(0),
            metavar="PERCENT",
            help="Canary: wait at this step for `videa promote`; may be repeated.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also replace replicas that already run this release.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an operation that waits or was interrupted.")
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="Roll back an operation that waits or was interrupted.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Run it in a container, and return when it has begun.")
    ] = False,
    until_wait: Annotated[
        bool, typer.Option("--until-wait", help="Return at the first wait: a judgement, a pause, --keep.")
    ] = False,
    at: Annotated[float, typer.Option("--at", parser=parse_option, metavar="TIME", show_default=False, help=AT)] = 0.0,
    despite_freeze: Annotated[
        bool, typer.Option("--despite-freeze", help="Deploy even in a window of x-videa.freeze.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow the running operation.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps, and change nothing.")] = False,
    as_json: AsJson = Json.NO,
    lock_wait: LockWait = 0.0,
) -> None:
    """Roll out a new release without losing a request.

    Replaces all replicas of each SERVICE that has changed, one service after the other, in the order of depends_on.
    Without --image and --build, the new release is what the Compose file defines now. A new replica gets traffic when
    it is ready. If something fails, all services of the deploy are rolled back: first the traffic returns to the old
    replicas, then the new ones are removed.

    --rolling replaces a few replicas at a time, as deploy.update_config of the service or x-videa.update says; --surge
    takes precedence over both.

    --blue-green starts all new replicas, tests them with --check, switches in one reload of nginx, and keeps the old
    set for the time of --keep. During this time, `videa abort` switches back in one reload, and `videa promote` ends
    the wait. A check is a path, which is requested through nginx, or a command, which gets VIDEA_URL and VIDEA_HEADER,
    the header that selects the new set.

    --image is for one service; others whose image has the same variable of the Compose file are deployed with it.

    --pull pulls the images, except those of services that are built here: a tag that was pushed again is a new release.
    A service with `pull_policy: always` is always pulled, one with `pull_policy: build` always built.

    --canary increases the share of the new release in the steps of x-videa.canary.steps. Each step is judged by nginx's
    log and the containers. Testers choose a release with the header that `videa config --tester-header` prints, and
    are not judged.

    While a deploy waits (a judgement, --pause-at, --keep), it changes nothing, and `videa maintenance` and `videa
    watch` work. `videa promote` ends the wait, `videa abort` rolls back, and `videa status` shows the wait.

    --detach hands the deploy over to a container on the engine of this machine, which sees the same files and
    variables. The deploy continues after this terminal is closed, and after a `kill -9`. --watch follows it.

    --at hands it over in the same way, and starts it at the given time of this machine: 03:00, or "2026-12-01 03:00",
    at most 31 days from now. If another operation runs then, it waits for 10 minutes. `videa status` shows it, `videa
    abort` cancels it. In a window of x-videa.freeze, a deploy is refused without --despite-freeze.

    --until-wait returns at the first wait, and no process is needed until the wait ends: `videa promote` then runs the
    remaining steps, and --resume resumes the wait. A canary is judged only while a process runs the deploy. After a
    crash, --resume or the same command continues, and --abort rolls back.

    \b
    Examples:
      videa deploy --build
      videa deploy web worker
      videa deploy --pull
      videa deploy --image registry.example/app:42 --surge 2
      videa deploy --image app:42 --blue-green --check /health --check 'make smoke' --keep 2m
      videa deploy --image app:42 --canary --pause-at 25
      videa deploy --image app:42 --canary --detach
      videa deploy --image app:42 --at 03:00
      videa deploy --image app:42 --lock-wait 10m
      videa deploy --watch
      videa deploy --resume
    """
    from videa_cli.operation import carry_out

    options: Options = context.obj
    if watch:
        _watch(options, as_json)
        return
    if resume and abort:
        raise UsageError("--resume and --abort cannot be used together", "choose one of them")
    if at and (resume or abort):
        raise UsageError("--at is for a new deploy", "remove it, or --resume and --abort")
    if (detach or at) and not in_job():
        if at and not despite_freeze:
            from ops.frozen import check_all

            project = options.load()
            check_all(project, services or project.services, at)
        hand_over(options, as_json, dry_run, Kind.SCHEDULED if at else Kind.OPERATION, at)
        return
    if resume or abort:
        what = "completed" if resume else "rolled back"
        run_rest = lambda operation: operation.resume(until_wait) if resume else operation.abort()  # noqa: E731
        carry_out(options, what, run_rest, as_json)
        return
    strategy = strategy_of(rolling, blue_green, canary, bool(check or keep), bool(pause_at))
    asked = Asked(strategy, surge, force, tuple(check or ()), keep, tuple(pause_at or ()), pull, despite_freeze)
    names = tuple(services or ())

    def run(operation: Operation) -> Outcome:
        return deploy_services(operation, names, image, build, asked, dry_run, until_wait)

    carry_out(options, "deployed", run, as_json, dry_run, lock_wait or (PATIENCE if at else 0.0))


def _watch(options: Options, as_json: Json) -> None:
    import msgspec

    from ops.rollout.follow import follow
    from ops.rollout.history import DONE
    from ops.rollout.journal import Journal
    from ops.rollout.lock import Lock
    from videa_cli.commands.abort import check_ended
    from videa_cli.render import Progress
    from videa_cli.words import words

    progress, stack = Progress(as_json), options.stack()
    progress.watch(stack)
    try:
        if not await_job(stack) and (outcome := last_outcome(stack)):
            if outcome.get("exit_code"):
                raise error_of(outcome)
            show_text_or_json(outcome, f"it has ended: {outcome.get('summary', '')}", as_json)
            return
        entry = follow(stack, progress)
        while entry is None and await_job(stack):  # its job was killed, and will continue the deploy
            entry = follow(stack, progress)
    finally:
        progress.close()
    state = Journal(stack.store, stack.project.name).read()
    if state and state.waiting and Lock(stack.store, stack.project.name).operation_holder() is None:
        show_text_or_json(
            {"waiting": msgspec.to_builtins(state.standing)}, f"{words(state.standing)}; {TAKE_UP}", as_json
        )
        return
    check_ended(Lock(stack.store, stack.project.name), Journal(stack.store, stack.project.name))
    if entry is None:
        show_text_or_json({"ended": True}, "it has ended; see `videa status` and `videa history`", as_json)
        return
    if entry.result != DONE:
        raise OperationFailed(f"it failed: {entry.result}", "see `videa history`")
    text = f"done: release {entry.release}, {entry.requests} requests, {entry.failed} failed"
    show_text_or_json({"ended": True, "release": entry.release}, text, as_json)
