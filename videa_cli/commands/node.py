"""videa node ls, videa node drain, videa node activate"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options, group
from videa_cli.json_output import AsJson, Command, Json
from videa_cli.lock_wait import LockWait
from videa_cli.numbers import whole

if TYPE_CHECKING:
    from ops.models import Node
    from ops.operations import Operation
    from ops.outcome import Outcome

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Its name, or the first characters of its id.", show_default=False)
]
Surge = Annotated[int, typer.Option("--surge", parser=whole(1), metavar="N", help="Replicas at a time.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the steps, and change nothing.")]


def ls(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show the nodes of the swarm, and how many replicas of the project each runs.

    \b
    Examples:
      videa node ls
      videa node ls --json | jq -r '.[] | select(.state != "ready") | .name'
    """
    from ops.moving import counts, nodes_of

    options: Options = context.obj
    stack = options.stack()
    nodes, replicas = nodes_of(stack), counts(stack)
    if as_json:
        import msgspec

        rows = [msgspec.to_builtins(node) | {"replicas": replicas.get(node.id, 0)} for node in nodes]
        typer.echo(msgspec.json.encode(rows).decode())
        return
    from rich.markup import escape
    from rich.table import Table

    from videa_cli.console import console
    from videa_cli.units import size

    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for heading in ("NODE", "ID", "STATE", "AVAILABILITY", "ROLE", "ENGINE", "ADDRESS"):
        table.add_column(heading, no_wrap=True)
    for heading in ("CORES", "MEMORY", "REPLICAS"):
        table.add_column(heading, justify="right", no_wrap=True)
    for node in nodes:
        table.add_row(
            escape(node.name),
            node.id[:12],
            f"[{'green' if node.state == 'ready' else 'red'}]{escape(node.state)}[/]",
            node.availability if node.availability == "active" else f"[yellow]{node.availability}[/]",
            _role(node),
            escape(node.version),
            escape(node.address),
            f"{node.cpus:g}",
            size(node.memory),
            str(replicas.get(node.id, 0)),
        )
    console().print(table)


def _role(node: Node) -> str:
    if not node.manager:
        return "worker"
    if node.leader:
        return "leader"
    return "manager" if node.reachability == "reachable" else f"manager, {node.reachability}"


def drain(
    context: typer.Context,
    name: Name,
    surge: Surge = 1,
    force: Annotated[bool, typer.Option("--force", help="Also stop what other projects run there.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = Json.NO,
    lock_wait: LockWait = 0.0,
) -> None:
    """Empty a node without losing a request, for example before a restart.

    First the node gets no new replicas. Then others start on the other nodes, get the traffic when they are ready, and
    those of this node are drained, stopped and removed. At the end, Swarm's own drain stops what is left: services
    without requests start again elsewhere.

    A node with files of the project, or the only nginx, is refused: they cannot move. Where nginx runs on several
    nodes (docs/swarm.md), that of this node stops at the end, after the requests that it has: send the clients to the
    other nodes before.

    \b
    Examples:
      videa node drain node2
      videa node drain node2 --surge 2
      videa node drain node2 --dry-run
    """
    from videa_cli.operation import carry_out

    def run(operation: Operation) -> Outcome:
        from ops.moving import drain

        return drain(operation, name, surge, force, dry_run)

    carry_out(context.obj, "moved", run, as_json, dry_run, lock_wait)


def activate(
    context: typer.Context,
    name: Name,
    dry_run: DryRun = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Let a node get replicas again. Those of other nodes stay where they are: see `videa rebalance`.

    If nginx runs on the node, it is started, and has the present configuration when this command ends.

    \b
    Examples:
      videa node activate node2 && videa rebalance
    """
    from ops.moving import activate
    from videa_cli.json_output import show_text_or_json
    from videa_cli.operation import typed
    from videa_cli.render import Progress

    options: Options = context.obj
    progress = Progress(Json.RESULT if as_json else Json.NO)
    try:
        changed = activate(options.stack(), name, typed(), dry_run, progress)
    finally:
        progress.close()
    text = f"{name} gets replicas again; to spread them: videa rebalance"
    if not changed:
        text = f"{name} already gets replicas"
    elif dry_run:
        text = f"{name} would get replicas again; nothing was changed"
    result = {"node": name, "changed": changed, "dry_run": dry_run}
    show_text_or_json(result, text, Json.RESULT if as_json else Json.NO)


commands = group("Show the nodes of a swarm, drain one, activate it again.")
commands.command("ls")(ls)
commands.command("drain", cls=Command)(drain)
commands.command("activate")(activate)
