"""videa validate"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options

if TYPE_CHECKING:
    from ops.project.config import Project


def validate(
    context: typer.Context,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of x-videa for editors, and check nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check x-videa in the Compose file.

    Prints one line for each error, with its key and the allowed values. Also checks the keys of Compose that videa
    obeys, such as deploy.update_config, and shows what a deploy takes from them. Needs no engine. The exit code is 3 if
    there is an error.

    \b
    Examples:
      videa validate
      videa -f compose.yaml -f compose.prod.yaml validate
      videa validate --schema >x-videa.schema.json
    """
    if schema:
        from ops.project.schema import compose_schema

        typer.echo(json.dumps(compose_schema(), indent=2))
        return

    from ops.project.loading import examine
    from videa_cli.exit_codes import ExitCode
    from videa_cli.failure import one_line

    options: Options = context.obj
    found, project = examine(options.files, options.project, options.directory)
    taken = _taken(project) if project and not found else []
    if as_json:
        errors = [{"error": error.message, "hint": error.hint} for error in found]
        typer.echo(json.dumps({"valid": not found, "errors": errors, "taken": taken}))
    elif found:
        for error in found:
            typer.echo(one_line(f"{error.message}; {error.hint}"))
    else:
        typer.echo("x-videa is valid")
        for row in taken:
            typer.echo(one_line("{service}, {operation}: {key} {value} (from {source})".format_map(row)))
    if found:
        raise typer.Exit(ExitCode.CONFIG)


def _taken(project: Project) -> list[dict[str, str]]:
    """The values that deploys and rollbacks of each service take from the Compose file."""
    from ops.project.update import OPERATIONS, update_rules

    return [
        {"service": name, "operation": operation, "key": key, "value": value, "source": source}
        for name in project.services
        for section, operation in OPERATIONS.items()
        for key, value, source in update_rules(
            project.of(name).service, project.of(name).settings, section=section
        ).taken
    ]
