"""videa exec"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.in_container import NoTerminal, Service, User, Variables, Words, Workdir, table_entry, user_command

if TYPE_CHECKING:
    from videa_cli.context import Options


def execute(
    context: typer.Context,
    service: Service = "",
    words: Words = None,
    replica: Annotated[
        str,
        typer.Option("--replica", metavar="NAME|NUMBER", help="Default: one that serves.", show_default=False),
    ] = "",
    variables: Variables = None,
    user: User = "",
    workdir: Workdir = "",
    no_terminal: NoTerminal = False,
) -> None:
    """Run a command in a replica that serves.

    Chooses a replica of the service that is ready and gets requests, or the one of --replica. If none serves, it says
    so and chooses one that is running. SERVICE may be any service of the Compose file. On a swarm, a replica of another
    node is reached over SSH, see docs/swarm.md.

    The command follows `--`. Without `--`, it follows SERVICE, as in docker compose exec. It gets the input of this
    command, and a terminal if input and output are one. Nothing of it is recorded in the history. For a secret, use
    --env NAME: its value is then no argument of a process, which others on this machine could see.

    The exit code is that of the command; 126 and 127: it cannot be run. If videa cannot start it, the exit codes of
    `videa --help` apply: 2 there is no such replica, 4 Docker, 6 none is running.

    \b
    Examples:
      videa exec -- sh
      videa exec --replica 2 -- python manage.py shell
      videa exec --user root --workdir /var/log -- ls -l
      videa exec postgres -- psql --username app
      videa exec worker -- sh -c 'cat > /tmp/fix.py' < fix.py
      TOKEN=secret videa exec --env TOKEN -- ./sync
    """
    from ops.foreground import choose

    options: Options = context.obj
    command = user_command(words or [], variables, user, workdir, no_terminal, os.environ)
    stack = options.stack()
    choice = choose(stack, service, replica)
    if not choice.serves and not replica:
        typer.echo(f"no replica is ready and gets requests; this is {choice.container.name}", err=True)
    stack.platform.hand_over(choice.container.name, command)


commands = table_entry("exec", execute)
