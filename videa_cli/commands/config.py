"""videa config"""

from __future__ import annotations

from typing import Annotated

import typer

from videa_cli.context import Options


def config(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show the effective configuration and its sources.

    The source of a value is the Compose file, .env, the environment, or the default.

    \b
    Examples:
      videa config
      videa config --json
    """
    import json

    from ops.project.config import effective_values

    options: Options = context.obj
    values = effective_values(options.load())
    if as_json:
        rows = [{"key": key, "value": value, "source": source} for key, value, source in values]
        typer.echo(json.dumps({"values": rows}))
        return

    from rich.markup import escape
    from rich.table import Table

    from videa_cli.render import console

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("KEY", "VALUE", "SOURCE"):
        table.add_column(heading)
    for row in values:
        table.add_row(*map(escape, row))
    console().print(table)
