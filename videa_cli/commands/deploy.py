"""videa deploy"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ops.errors import TAKE_UP, OperationFailed, UsageError
from videa_cli.context import Options
from videa_cli.numbers import decimal, whole

if TYPE_CHECKING:
    from ops.operations import Operation, Outcome
    from ops.project.settings import Settings
    from ops.rollout.request import Request

KEEP = "10m"


def deploy(
    context: typer.Context,
    image: Annotated[str | None, typer.Option("--image", metavar="REF", help="The image to run.")] = None,
    build: Annotated[bool, typer.Option("--build", help="Build the service's image first.")] = False,
    rolling: Annotated[bool, typer.Option("--rolling", help="A few replicas at a time (the default).")] = False,
    blue_green: Annotated[bool, typer.Option("--blue-green", help="All new ones beside the old, one switch.")] = False,
    canary: Annotated[bool, typer.Option("--canary", help="A growing share of the traffic, judged each time.")] = False,
    surge: Annotated[
        int,
        typer.Option(
            "--surge", parser=whole(1), metavar="N", help="Rolling: replicas to start beyond the present ones."
        ),
    ] = 1,
    check: Annotated[
        list[str] | None,
        typer.Option("--check", metavar="CMD|/PATH", help="Blue-green: try the new set before the switch; repeatable."),
    ] = None,
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="TIME", help=f"Blue-green: keep the old set warm [{KEEP}].")
    ] = None,
    pause_at: Annotated[
        list[float] | None,
        typer.Option(
            "--pause-at",
            parser=decimal(0),
            metavar="PERCENT",
            help="Canary: wait there for `videa promote`; repeatable.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace replicas that run this release already.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an operation that waits or was interrupted.")
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="Roll back an operation that waits or was interrupted.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return at the first wait: judging, a pause, --keep.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow the operation that is under way.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps and change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Roll out a new release, without losing a request.

    Every replica is replaced. Without --image or --build by what the Compose file says by now. A new replica gets
    traffic once it is ready. When anything fails, traffic goes back first and then everything is put back.

    --rolling replaces them a few at a time. --blue-green starts the whole new set, tries it with --check, switches in
    one reload and keeps the old set for --keep: until then `videa abort` goes back in one reload, and `videa promote`
    ends the wait. A check is a path, asked through nginx, or a command, which finds VIDEA_URL and VIDEA_HEADER (the
    header that leads to the new set). --canary gives the new release the shares of x-videa.canary.steps, each judged by
    nginx's log and the containers; testers send `X-Videa-Canary: always` or `never`, or the cookie videa_canary.

    While a deploy waits (judging, --pause-at, --keep) it changes nothing, and `videa maintenance` and `videa watch`
    work. --detach returns at the first wait; no terminal is needed from then on. `videa promote` ends the wait and
    carries out the rest, `videa abort` rolls back, and --resume takes the wait up, for example judges the canary, which
    nobody does until then. `videa status` shows the wait. After a crash, --resume or the same command continues, and
    --abort rolls back.

    \b
    Examples:
      videa deploy --build
      videa deploy --image registry.example/app:42 --surge 2
      videa deploy --image app:42 --blue-green --check /health --check 'make smoke' --keep 2m
      videa deploy --image app:42 --canary --pause-at 25
      videa deploy --image app:42 --canary --pause-at 25 --detach
      videa deploy --watch
      videa deploy --resume
    """
    from videa_cli.operation import carry_out

    options: Options = context.obj
    if watch:
        _watch(options)
        return
    if resume or abort:
        if resume and abort:
            raise UsageError("--resume and --abort exclude each other", "choose one of them")
        carry_out(options, "ended", lambda each: each.resume(detach) if resume else each.abort(), as_json)
        return
    strategy = strategy_of(rolling, blue_green, canary, bool(check or keep), bool(pause_at))

    def run(each: Operation) -> Outcome:
        request = make_request(
            each.stack.project.settings, strategy, surge, force, tuple(check or ()), keep, tuple(pause_at or ())
        )
        return deploy_what(each, image, build, request, dry_run, detach)

    carry_out(options, "deployed", run, as_json, dry_run)


def deploy_what(
    each: Operation, image: str | None, build: bool, request: Request, dry_run: bool, detach: bool = False
) -> Outcome:
    """Finds out what is to be deployed, and deploys it. Raises UsageError and what the operation raises."""
    from ops.rollout.targets import built_target, current_target, image_target, return_tag

    if image is not None and build:
        raise UsageError("--image and --build exclude each other", "choose one of them")
    if image is not None and not image.strip():
        raise UsageError("--image is empty", "name an image, such as app:42")
    if image is not None:
        target = image_target(each.stack, image)
    elif build:
        each.check_nothing_waits()  # before its image gets the name that is deployed now
        target = built_target(each.stack, each.emit)
    else:
        target = current_target(each.stack)
    started = False
    try:
        outcome = each.deploy(target, request, dry_run, detach=detach)
        started = not dry_run
    finally:
        # What was built and is not to run: a plain `docker compose up -d` must not start it.
        if build and not started and each.journal.read() is None:
            return_tag(each.stack)
    return outcome


def strategy_of(rolling: bool, blue_green: bool, canary: bool, keeps: bool, pauses: bool) -> str:
    """Which strategy the options name. ``keeps``, ``pauses``: those of one strategy are there. Raises UsageError."""
    if sum((rolling, blue_green, canary)) > 1:
        raise UsageError("--rolling, --blue-green and --canary exclude each other", "choose one of them")
    if keeps and not blue_green:
        raise UsageError("--check and --keep belong to --blue-green", "add --blue-green, or leave them out")
    if pauses and not canary:
        raise UsageError("--pause-at belongs to --canary", "add --canary, or leave it out")
    return "blue-green" if blue_green else "canary" if canary else "rolling"


def make_request(
    settings: Settings,
    strategy: str,
    surge: int = 1,
    force: bool = False,
    checks: tuple[str, ...] = (),
    keep: str | None = None,
    pause_at: tuple[float, ...] = (),
) -> Request:
    """The options as ops understands them. Raises UsageError."""
    from ops.project.settings import parse_duration
    from ops.rollout.request import Request, Strategy

    try:
        seconds = parse_duration(keep or KEEP) if keep != "0" else 0.0
    except ValueError as error:
        raise UsageError(f"--keep: {error}", "such as 10m, or 0 to keep nothing") from error
    steps = settings.canary.steps
    if unknown := [share for share in pause_at if share not in steps]:
        raise UsageError(
            f"--pause-at {unknown[0]:g} is no step of the canary",
            f"its steps are {', '.join(f'{step:g}' for step in steps)}: x-videa.canary.steps",
        )
    return Request(
        strategy=Strategy(strategy),
        surge=surge,
        force=force,
        keep=float(seconds),
        commands=tuple(each for each in checks if not each.startswith("/")),
        paths=tuple(each for each in checks if each.startswith("/")),
        shares=tuple(steps),
        pause_at=pause_at,
    )


def _watch(options: Options) -> None:
    from rich.markup import escape

    from ops.rollout.follow import follow
    from ops.rollout.history import DONE
    from ops.rollout.journal import Journal
    from ops.rollout.lock import Lock
    from videa_cli.commands.abort import check_ended
    from videa_cli.render import Progress, console
    from videa_cli.words import words

    progress, stack = Progress(), options.stack()
    try:
        entry = follow(stack, progress)
    finally:
        progress.close()
    state = Journal(stack.store, stack.project.name).read()
    if state and state.waiting and Lock(stack.store, stack.project.name).operation_holder() is None:
        console().print(escape(f"{words(state.standing)}; {TAKE_UP}"))
        return
    check_ended(Lock(stack.store, stack.project.name), Journal(stack.store, stack.project.name))
    if entry is None:
        console().print("it has ended; see videa status and videa history")
        return
    if entry.result != DONE:
        raise OperationFailed(f"it failed: {entry.result}", "see videa history")
    console().print(f"done: release {escape(entry.release)}, {entry.requests} requests, {entry.failed} failed")
