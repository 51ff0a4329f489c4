"""videa plan"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.errors import UsageError
from videa_cli.commands.deploy import deploy_what, make_request
from videa_cli.context import Options


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("plan")(plan)


def plan(
    context: typer.Context,
    image: Annotated[str | None, typer.Option("--image", metavar="REF", help="The image to run.")] = None,
    blue_green: Annotated[bool, typer.Option("--blue-green", help="As `videa deploy --blue-green` would.")] = False,
    canary: Annotated[bool, typer.Option("--canary", help="As `videa deploy --canary` would.")] = False,
    surge: Annotated[
        int, typer.Option("--surge", min=1, metavar="N", help="Rolling: replicas to start beyond the present ones.")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show what a deploy would do and need; changes nothing.

    Shows the steps, which of them cannot be undone by one reload, and what the most replicas at one time need of memory
    and of database connections against what there is. Refuses what a deploy would refuse.

    \b
    Examples:
      videa plan
      videa plan --image app:42 --canary
    """
    from videa_cli.operation import carry_out

    if blue_green and canary:
        raise UsageError("--blue-green and --canary exclude each other", "choose one of them")
    strategy = "blue-green" if blue_green else "canary" if canary else "rolling"
    options: Options = context.obj
    carry_out(
        options,
        "plan",
        lambda each: deploy_what(
            each, image, False, make_request(each.stack.project.settings, strategy, surge), dry_run=True
        ),
        as_json,
        dry_run=True,
    )
