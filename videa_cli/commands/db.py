"""videa db"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options

if TYPE_CHECKING:
    from rich.console import Console

    from ops.doctor.facts_data import Session
    from ops.views.dataview import DatabaseView


def db(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show PostgreSQL: connections, activity, locks, statements.

    Connections are told by instance, against the budget.

    Values in statements are shown as ?, and each is cut to its line; --json has more of it.

    \b
    Examples:
      videa db
      videa db --json | jq .holders
    """
    from functools import partial

    from ops.factory import open_stack
    from ops.views.dataview import read_database

    options: Options = context.obj
    project = options.load()
    found = read_database(project, partial(open_stack, project))
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(found))
        return
    from videa_cli.render import console

    show_database(console(), found)


def show_database(out: Console, found: DatabaseView) -> None:
    """The whole view."""
    from rich.table import Table

    from videa_cli.bars import bar
    from videa_cli.units import duration

    out.print(f"[bold]{found.service}[/] PostgreSQL {found.version}, up {duration(found.uptime)}")
    out.print(
        f"connections {bar(found.used / max(found.usable, 1))} {found.used} of {found.usable};"
        f" the replicas' pools may open {found.budget}"
    )
    out.print("  " + ", ".join(f"{count} {state}" for state, count in found.states.items()))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("CLIENT", no_wrap=True)
    table.add_column("OPEN", justify="right")
    table.add_column("POOL", justify="right")
    for one in found.holders:
        table.add_row(one.name, str(one.open), "-" if one.limit is None else str(one.limit))
    out.print(table)
    _show_sessions(out, "active", found.busy)
    _show_sessions(out, "waiting for a lock", found.blocked)
    if found.statements is None:
        out.print("[dim]statements: not counted here; CREATE EXTENSION pg_stat_statements would[/]")
    elif found.statements:
        _show_statements(out, found)


def _show_sessions(out: Console, title: str, sessions: list[Session]) -> None:
    from rich.markup import escape

    from videa_cli.units import duration

    if sessions:
        out.print(f"[bold]{title}[/]")
    for one in sessions:
        by = f" blocked by {', '.join(map(str, one.blocked_by))}" if one.blocked_by else ""
        line = f"  pid {one.pid} {one.state} {duration(one.query_age or 0)}{by}: {escape(one.query)}"
        out.print(line, no_wrap=True, overflow="ellipsis", soft_wrap=False)


def _show_statements(out: Console, found: DatabaseView) -> None:
    from rich.table import Table

    from videa_cli.bars import bar

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("SHARE", "MEAN", "CALLS"):
        table.add_column(heading, justify="right", no_wrap=True)
    figures = 40
    table.add_column("STATEMENT", no_wrap=True, overflow="ellipsis", max_width=max(out.width - figures, 20))
    for one in found.statements or []:
        table.add_row(bar(one.share or 0), f"{one.mean_ms:.1f} ms", str(one.calls), one.query)
    out.print(table)
