"""videa swarm init, videa swarm join-command, videa swarm migrate"""

from __future__ import annotations

from typing import Annotated

import typer

from videa_cli.context import Options, group
from videa_cli.json_output import AsJson, Command, Json

AsText = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the steps, and change nothing.")]


def init(
    address: Annotated[
        str, typer.Option("--advertise-addr", metavar="ADDR", help="The address at which other nodes reach this one.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing.")] = False,
    as_json: AsText = False,
) -> None:
    """Make this engine the manager of a new swarm. Its containers keep running.

    \b
    Examples:
      videa swarm init
      videa swarm init --advertise-addr 10.0.0.1
    """
    from ops.factory import connect
    from ops.swarm.joining import init, joined
    from videa_cli.json_output import show_text_or_json

    engine = connect()
    changed = not joined(engine).manager if dry_run else init(engine, address)
    if not changed:
        text = "this engine already manages a swarm"
    elif dry_run:
        text = "this engine would manage a new swarm; nothing was changed"
    else:
        text = (
            "this engine manages a new swarm\nother machines join: videa swarm join-command\n"
            "a project moves to it: x-videa.engine: swarm in its file, then videa swarm migrate"
        )
    show_text_or_json({"changed": changed, "dry_run": dry_run}, text, Json.RESULT if as_json else Json.NO)


def join_command(
    manager: Annotated[bool, typer.Option("--manager", help="The machine becomes a manager, not a worker.")] = False,
    as_json: AsText = False,
) -> None:
    """Show the command by which another machine joins the swarm of this one. Anybody who has it can join: keep it
    secret.

    Ports 2377/tcp, 7946/tcp and udp, and 4789/udp must be open between the machines.

    \b
    Examples:
      videa swarm join-command
      videa swarm join-command | ssh node2 sh
      videa swarm join-command --manager
    """
    from ops.factory import connect
    from ops.swarm.joining import invitation
    from videa_cli.json_output import show_text_or_json

    found = invitation(connect(), manager)
    shown = {"role": found.role, "address": found.address, "command": found.command}
    show_text_or_json(shown, found.command, Json.RESULT if as_json else Json.NO)


def migrate(
    context: typer.Context,
    back: Annotated[bool, typer.Option("--back", help="From the swarm to Compose.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = Json.NO,
) -> None:
    """Move the running project onto the swarm of this machine, or back to Compose.

    First write x-videa.engine in the Compose file: swarm, or compose with --back. Replicas start on the other engine
    and get the requests when they are ready. Only then do the old ones leave, so they lose no request. Three things
    stop for a moment, and --dry-run names them: a service with a volume or a published port, because only one container
    may use them, and nginx at the end, while its port moves. The volumes stay where they are.

    What fails before nginx has moved is rolled back. If videa itself is killed, the same command continues.

    \b
    Examples:
      videa swarm init && videa swarm migrate --dry-run
      videa swarm migrate
      videa swarm migrate --back
    """
    import msgspec

    from ops.errors import UsageError
    from ops.factory import open_migration
    from ops.project.settings import EngineKind
    from videa_cli.json_output import show_text_or_json
    from videa_cli.migration_words import words
    from videa_cli.operation import typed
    from videa_cli.render import Progress

    options: Options = context.obj
    project, wanted = options.load(), EngineKind.COMPOSE if back else EngineKind.SWARM
    if project.settings.engine is not wanted:
        raise UsageError(
            f"x-videa.engine is {project.settings.engine.value}, so the project belongs there",
            f"first write `engine: {wanted.value}` below x-videa in the Compose file",
        )
    progress = Progress(as_json)
    try:
        migration = open_migration(project, not back, progress, typed())
        steps = migration.plan() if dry_run else migration.run()
    finally:
        progress.close()
    where = "Compose" if back else "the swarm"
    lines = [f"{number}. {words(step)}" for number, step in enumerate(steps, 1)]
    if dry_run:
        text = "\n".join([*lines, "nothing was changed"]) if lines else "nothing runs that could move"
    else:
        other, more = ("swarm", "") if back else ("compose", " --back")
        again = f"`engine: {other}`, then videa swarm migrate{more}"
        text = f"the project runs on {where}; to go back: {again}"
    result = {"to": wanted.value, "dry_run": dry_run, "steps": msgspec.to_builtins(steps)}
    show_text_or_json(result, text, as_json)


commands = group("Start a Docker Swarm, join it, move this project onto it.")
commands.command("init")(init)
commands.command("join-command")(join_command)
commands.command("migrate", cls=Command)(migrate)
