"""videa db"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options

if TYPE_CHECKING:
    from rich.console import Console

    from ops.doctor.facts_postgres import Session, Statement
    from ops.views.dataview import DatabaseView


def db(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show PostgreSQL: connections, activity, locks, statements.

    Connections are shown by instance and compared with the limit.

    Values in statements are replaced by ?. Long statements are cut to one line; --json shows more of them.

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
    database = read_database(project, partial(open_stack, project))
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(database))
        return
    from videa_cli.console import console

    show_database(console(), database)


def show_database(out: Console, database: DatabaseView) -> None:
    """Prints the view."""
    from rich.markup import escape
    from rich.table import Table

    from videa_cli.bars import bar
    from videa_cli.units import duration

    out.print(f"[bold]{database.service}[/] PostgreSQL {escape(database.version)}, up {duration(database.uptime)}")
    out.print(
        f"connections {bar(database.used / max(database.usable, 1))} {database.used} of {database.usable};"
        f" the replicas' pools may open {database.budget}"
    )
    out.print("  " + ", ".join(f"{count} {escape(state)}" for state, count in database.states.items()))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("CLIENT", no_wrap=True)
    table.add_column("OPEN", justify="right")
    table.add_column("POOL", justify="right")
    for holder in database.holders:
        table.add_row(escape(holder.name), str(holder.open), "-" if holder.limit is None else str(holder.limit))
    out.print(table)
    _show_sessions(out, "active", database.busy)
    _show_sessions(out, "waiting for a lock", database.blocked)
    if database.statements is None:
        out.print("[dim]statements: not available; to count them: CREATE EXTENSION pg_stat_statements[/]")
    elif database.statements:
        _show_statements(out, database.statements)


def _show_sessions(out: Console, title: str, sessions: list[Session]) -> None:
    from rich.markup import escape

    from videa_cli.units import duration

    if sessions:
        out.print(f"[bold]{title}[/]")
    for session in sessions:
        blockers = f" blocked by {', '.join(map(str, session.blocked_by))}" if session.blocked_by else ""
        line = (
            f"  pid {session.pid} {session.state} {duration(session.query_age or 0)}{blockers}: {escape(session.query)}"
        )
        out.print(line, no_wrap=True, overflow="ellipsis", soft_wrap=False)


def _show_statements(out: Console, statements: list[Statement]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from videa_cli.bars import bar

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("SHARE", "MEAN", "CALLS"):
        table.add_column(heading, justify="right", no_wrap=True)
    figures = 40
    table.add_column("STATEMENT", no_wrap=True, overflow="ellipsis", max_width=max(out.width - figures, 20))
    for statement in statements:
        table.add_row(
            bar(statement.share or 0), f"{statement.mean_ms:.1f} ms", str(statement.calls), escape(statement.query)
        )
    out.print(table)
