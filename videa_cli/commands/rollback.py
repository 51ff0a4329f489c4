"""videa rollback [RELEASE]"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.commands.abort import roll_back
from videa_cli.context import Options
from videa_cli.detaching import hand_over, in_job
from videa_cli.json_output import AsJson, Json
from videa_cli.lock_wait import LockWait
from videa_cli.numbers import whole

if TYPE_CHECKING:
    from ops.operations import Operation
    from ops.outcome import Outcome


def rollback(
    context: typer.Context,
    release: Annotated[
        str | None, typer.Argument(metavar="[RELEASE]", help="Release in `videa history`, or its first characters.")
    ] = None,
    service: Annotated[str, typer.Option("--service", metavar="NAME", help="Default: the default service.")] = "",
    surge: Annotated[
        int | None,
        typer.Option(
            "--surge", parser=whole(1), metavar="N", help="Replicas at a time [rollback_config, otherwise 1]."
        ),
    ] = None,
    blue_green: Annotated[bool, typer.Option("--blue-green", help="Start all new replicas, then switch once.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Run it in a container: see videa deploy --help.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps and change nothing.")] = False,
    as_json: AsJson = Json.NO,
    lock_wait: LockWait = 0.0,
) -> None:
    """Return to an earlier release without losing a request.

    Without RELEASE, returns to the previous one. videa retains the images of the last x-videa.keep_releases releases
    for this. Variables of .env that only the service reads get their earlier values back; variables that other services
    also read, such as the database's password, keep their values. While a blue-green deploy keeps the old set, rollback
    switches to that set in one reload, like `videa abort`.

    \b
    Examples:
      videa rollback
      videa rollback 3f9a1c
      videa rollback --service worker
      videa rollback --dry-run
      videa rollback --detach
    """
    options: Options = context.obj
    if release is None and not dry_run:
        journal = options.journal()
        state = journal.read()
        if state and state.keeping:
            roll_back(options, journal, as_json)
            return
    if detach and not in_job():
        hand_over(options, as_json, dry_run)
        return
    from ops.rollout.request import Request, Strategy
    from videa_cli.deploying import paced
    from videa_cli.operation import carry_out

    strategy = Strategy.BLUE_GREEN if blue_green else Strategy.ROLLING

    def run(operation: Operation) -> Outcome:
        project = operation.stack.project
        chosen = project.of(service or project.implied_service)
        request = paced(Request(strategy), chosen, surge, "rollback")
        return operation.rollback(release, request, dry_run, service)

    carry_out(options, "rolled back", run, as_json, dry_run, lock_wait)
