"""videa run"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.in_container import NoTerminal, Service, User, Variables, Words, Workdir, table_entry, user_command

if TYPE_CHECKING:
    from videa_cli.context import Options


def run(
    context: typer.Context,
    service: Service = "",
    words: Words = None,
    variables: Variables = None,
    user: User = "",
    workdir: Workdir = "",
    no_terminal: NoTerminal = False,
    remove: Annotated[bool, typer.Option("--rm/--keep", help="Remove the container at the end, or keep it.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run, and change nothing.")] = False,
) -> None:
    """Run a command in a new container of the release that serves.

    The container has the image, environment, networks, volumes and limits of a replica that serves, even if the Compose
    file or the tag of its image has changed since then. It gets no requests, publishes no port, is no replica for
    videa, and starts no other service. On a swarm, it runs on a node with such a replica, if possible on this one;
    another one is reached over SSH. For a command in a running replica, see `videa exec`.

    The command follows `--`. Without `--`, it follows SERVICE, as in docker compose run. It replaces the command of the
    service, not its entrypoint. It gets the input of this command, and a terminal if input and output are one. Nothing
    of it is recorded in the history. For a secret, use --env NAME: its value is then no argument of a process, which
    others on this machine could see.

    Ctrl-C sends the stop signal of the service, waits for its grace period, and removes the container. The exit code is
    that of the command; 126 and 127: it cannot be run. If videa cannot start it, the exit codes of `videa --help`
    apply: 2 there is no such service, 4 Docker, 6 no container of it is running.

    \b
    Examples:
      videa run -- python manage.py migrate
      videa run worker -- python -m jobs.reindex --all
      videa run --env DRY_RUN=1 -- ./cleanup
      videa run -T -- ./export > export.csv
      videa run --dry-run -- ./cleanup
    """
    from ops.foreground import choose, run_one_off
    from ops.redaction.typed import shown_command

    options: Options = context.obj
    command = user_command(words or [], variables, user, workdir, no_terminal, os.environ)
    stack = options.stack()
    model = choose(stack, service).container
    if dry_run:
        typed = shown_command(shlex.join(command.words))
        typer.echo(f"would run in a container like {model.name} (release {model.release}, {model.image}): {typed}")
        return
    raise SystemExit(run_one_off(stack, model, command, keep=not remove))


commands = table_entry("run", run)
