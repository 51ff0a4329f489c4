"""videa notify test, list, status"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from videa_cli.context import Options, group
from videa_cli.exit_codes import ExitCode

Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]

NO_AGENT = "no agent runs, so nothing is sent; to start it: docker compose up -d agent, or videa agent"


def test(
    context: typer.Context,
    target: Annotated[str, typer.Option("--target", metavar="NAME", help="Only this target.", show_default=False)] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show who would get it, and send nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Have the agent send a test message to every target of x-videa.notify, and show each result.

    The agent sends it, so that its network and its variables are tested. A target gets it whatever its events and its
    severity are. A test that fails is not repeated.

    \b
    Exit codes:
      0 every target took it   1 one did not   3 no target   6 no agent runs

    \b
    Examples:
      videa notify test
      videa notify test --target team
    """
    from ops.agent.status import agent_runs
    from ops.errors import PlanRefused
    from ops.notify import view

    options: Options = context.obj
    stack = options.stack()
    names = view.chosen(stack, target)
    if dry_run:
        typer.echo(
            json.dumps({"targets": list(names), "dry_run": True})
            if as_json
            else f"would send a test to {', '.join(names)}; nothing was sent"
        )
        return
    if not agent_runs(stack):
        message, _, hint = NO_AGENT.partition("; to start it: ")
        raise PlanRefused(message, f"start it: {hint}")
    results = {
        name: "the agent did not try it in time: see videa agent status" if result is None else result.error
        for name, result in view.test(stack, names).items()
    }
    if as_json:
        rows = [{"target": name, "delivered": not error, "error": error} for name, error in results.items()]
        typer.echo(json.dumps({"targets": rows}))
    else:
        for name, error in results.items():
            typer.echo(f"{name}: {error or 'delivered'}")
    if any(results.values()):
        raise typer.Exit(ExitCode.FAILED)


def show_list(context: typer.Context, as_json: Json = False) -> None:
    """Show the targets of x-videa.notify: how each is reached, and what it gets. URLs are never shown.

    \b
    Examples:
      videa notify list
      videa notify list --json
    """
    options: Options = context.obj
    receivers = options.load().receivers
    rows = [
        {
            "target": name,
            "by": "webhook" if each.webhook else "apprise",
            "variable": each.webhook or each.apprise,
            "events": list(each.events),
            "severity": each.severity.value,
        }
        for name, each in receivers.items()
    ]
    if as_json:
        typer.echo(json.dumps({"targets": rows}))
        return
    if not rows:
        typer.echo("x-videa.notify has no target; see docs/notify.md")
        return
    _table(rows)


def status(context: typer.Context, as_json: Json = False) -> None:
    """Show the queue, and each target's last delivery and error.

    WAITING is the number of messages that the target has not received yet. DROPPED is the number of those that it never
    got: refused, older than a day, or beyond the newest 200.

    \b
    Examples:
      videa notify status
      videa notify status --json | jq '.targets[] | select(.error != "")'
    """
    import msgspec

    from ops.agent.status import agent_runs
    from ops.notify.message import TargetState
    from ops.notify.view import overview
    from videa_cli.units import day

    options: Options = context.obj
    stack = options.stack()
    seen = overview(stack, agent_runs(stack))
    states = {name: seen.state.targets.get(name, TargetState()) for name in seen.receivers}
    if as_json:
        targets = [
            {"target": name, "waiting": seen.waiting(name), **msgspec.to_builtins(state)}
            for name, state in states.items()
        ]
        waiting = [{**msgspec.to_builtins(item.message), "to": item.to} for item in seen.state.queue]
        typer.echo(json.dumps({"agent": seen.sends, "targets": targets, "queue": waiting}))
        return
    if not seen.sends:
        typer.echo(NO_AGENT)
    if not states:
        typer.echo("x-videa.notify has no target; see docs/notify.md")
        return
    _table(
        [
            {
                "target": name,
                "delivered": state.delivered,
                "last": f"{day(state.delivered_at)} UTC" if state.delivered_at else "never",
                "waiting": seen.waiting(name),
                "dropped": state.dropped,
                "error": state.error or "-",
            }
            for name, state in states.items()
        ]
    )


def _table(rows: list[dict[str, Any]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from videa_cli.console import console

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in rows[0]:
        table.add_column(heading.upper())
    for row in rows:
        table.add_row(*(escape(", ".join(each) if isinstance(each, list) else str(each)) for each in row.values()))
    console().print(table)


commands = group("Show the agent's notifications: targets, queue; send a test.")
commands.command("test")(test)
commands.command("list")(show_list)
commands.command("status")(status)
