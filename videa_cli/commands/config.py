"""videa config"""

from __future__ import annotations

from typing import Annotated

import typer

from videa_cli.context import Options


def config(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    tester_header: Annotated[
        bool, typer.Option("--tester-header", help="Print only the header that selects the canary. It is secret.")
    ] = False,
) -> None:
    """Show the effective configuration and its sources.

    The source of a value is the Compose file, .env, the environment, or the default.

    \b
    Examples:
      videa config
      videa config --json
      curl -H "$(videa config --tester-header)" http://localhost/
    """
    import json

    from ops.project.values import effective_values

    options: Options = context.obj
    if tester_header:
        _show_tester_header(options)
        return
    values = effective_values(options.load())
    if as_json:
        rows = [{"key": key, "value": value, "source": source} for key, value, source in values]
        typer.echo(json.dumps({"values": rows}))
        return

    from rich.markup import escape
    from rich.table import Table

    from videa_cli.console import console

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("KEY", no_wrap=True)
    table.add_column("VALUE", overflow="fold")
    table.add_column("SOURCE")
    for row in values:
        table.add_row(*map(escape, row))
    console().print(table, soft_wrap=False)


def _show_tester_header(options: Options) -> None:
    from ops.balancer.split import KEY_VARIABLE, canary_header
    from ops.errors import ConfigError
    from ops.project.mappings import as_mapping

    project = options.load()
    balancer = project.settings.balancer
    header = canary_header(as_mapping(project.model["services"][balancer].get("environment")))
    if header is None:
        raise ConfigError(
            f"the service {balancer} has no {KEY_VARIABLE} of at least 16 letters, digits, - and _",
            f"set it in .env, and in the environment of {balancer}; see docs/canary.md",
        )
    typer.echo(header)
