"""videa plan"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options
from videa_cli.deploying import Asked, deploy_services, strategy_of
from videa_cli.json_output import Json
from videa_cli.numbers import decimal, whole

if TYPE_CHECKING:
    from ops.operations import Operation
    from ops.outcome import Outcome


def plan(
    context: typer.Context,
    services: Annotated[
        list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Default: all that videa scales.")
    ] = None,
    image: Annotated[str | None, typer.Option("--image", metavar="REF", help="The image to run.")] = None,
    rolling: Annotated[bool, typer.Option("--rolling", help="Plan a rolling deploy (the default).")] = False,
    blue_green: Annotated[bool, typer.Option("--blue-green", help="Plan a blue-green deploy.")] = False,
    canary: Annotated[bool, typer.Option("--canary", help="Plan a canary deploy.")] = False,
    surge: Annotated[
        int | None,
        typer.Option(
            "--surge", parser=whole(1), metavar="N", help="Rolling: replicas at a time [update_config, otherwise 1]."
        ),
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option("--check", metavar="CMD|/PATH", help="Blue-green: as in deploy; not run."),
    ] = None,
    keep: Annotated[str | None, typer.Option("--keep", metavar="TIME", help="Blue-green: as in deploy.")] = None,
    pause_at: Annotated[
        list[float] | None,
        typer.Option("--pause-at", parser=decimal(0), metavar="PERCENT", help="Canary: as in deploy."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also replace replicas that already run this release.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show what a deploy would do and need; change nothing.

    Shows the steps and marks those that one reload cannot undo. Also compares the memory and database connections that
    the largest number of replicas needs with what is available. Refuses what a deploy would refuse.

    \b
    Examples:
      videa plan
      videa plan web
      videa plan --image app:42 --canary
    """
    from videa_cli.operation import carry_out

    strategy = strategy_of(rolling, blue_green, canary, bool(check or keep), bool(pause_at))
    asked = Asked(strategy, surge, force, tuple(check or ()), keep, tuple(pause_at or ()))
    names = tuple(services or ())
    options: Options = context.obj

    def look(operation: Operation) -> Outcome:
        return deploy_services(operation, names, image, False, asked, dry_run=True)

    carry_out(options, "plan", look, Json.RESULT if as_json else Json.NO, dry_run=True)
