"""videa redis"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options

if TYPE_CHECKING:
    from rich.console import Console

    from ops.views.dataview import NodeView


def redis(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show Redis: memory, hit rate, evictions, slow commands.

    Slow commands are shown without their arguments, which may be personal data.

    \b
    Examples:
      videa redis
      videa redis --json | jq '.[0].hit_rate'
    """
    from functools import partial

    from ops.factory import open_stack
    from ops.views.dataview import read_redis

    options: Options = context.obj
    project = options.load()
    nodes = read_redis(project, partial(open_stack, project))
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(nodes))
        return
    from videa_cli.console import console

    out = console()
    for node in nodes:
        show_node(out, node)


def show_node(out: Console, node: NodeView) -> None:
    """Prints one node."""
    from rich.markup import escape

    from videa_cli.bars import bar
    from videa_cli.units import duration, size

    cluster = f", cluster {node.cluster}" if node.cluster else ""
    out.print(f"[bold]{node.container}[/] Redis {node.version}, {node.role}{cluster}, up {duration(node.uptime)}")
    limit = f"{bar(node.memory / node.memory_limit)} of {size(node.memory_limit)}" if node.memory_limit else "no limit"
    out.print(f"  memory {size(node.memory)} {limit}, {node.policy}; {node.keys} keys")
    hits = "no reads yet" if node.hit_rate is None else f"{node.hit_rate:.1%} hits"
    out.print(
        f"  {node.clients} clients, {node.commands_per_second:.0f} commands/s, {hits},"
        f" {node.evicted} evicted, {node.expired} expired"
    )
    for slow in node.slow:
        arguments = f"{slow.arguments} argument{'' if slow.arguments == 1 else 's'}"
        out.print(f"  slow: {slow.milliseconds:.1f} ms {escape(slow.command)} ({arguments})")
