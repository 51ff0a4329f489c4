"""What every command needs: the global options, and from them the project and the stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from ops.project.config import Project
    from ops.rollout.journal import Journal
    from ops.stack import Stack


@dataclass(frozen=True)
class Options:
    """The global options. Loading is left to the command, so that ``--help`` stays quick."""

    files: tuple[str, ...] = ()
    project: str | None = None
    verbose: bool = False

    def load(self) -> Project:
        """The Compose project. Raises ConfigError."""
        from ops.project.config import load

        return load(self.files, self.project)

    def journal(self) -> Journal:
        """The journal of the operation that was begun here, else that of the project. Raises like ``stack``."""
        import os

        from ops.factory import open_store
        from ops.rollout.journal import Journal
        from ops.rollout.origin import origin

        store = open_store()
        begun_here = Journal.begun_at(store, origin(self.files, self.project, os.environ))
        return begun_here or Journal(store, self.load().name)

    def stack(self) -> Stack:
        """The project and its engine. Raises ConfigError, EngineUnreachable."""
        from concurrent.futures import Future
        from threading import Thread

        # Compose reads its file while the Docker SDK, the slowest import of all, is loaded. A daemon: Ctrl-C must
        # not wait for a compose command that itself waits for an engine that hangs.
        project: Future[Project] = Future()
        Thread(target=_fulfil, args=(project, self.load), daemon=True, name="videa-compose").start()
        from ops.factory import connect, open_stack

        engine = connect()
        return open_stack(project.result(), engine)


def _fulfil(future: Future[Project], work: Callable[[], Project]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)


def group(help_text: str) -> typer.Typer:
    """A command that has commands of its own."""
    return typer.Typer(
        callback=show_help,
        invoke_without_command=True,
        help=help_text,
        add_completion=False,
        rich_markup_mode=None,
    )


def show_help(context: typer.Context) -> None:
    """The callback of a group of commands: named alone it shows its help and ends well, as docker and kubectl do."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit
