"""What every command needs: the global options, and from them the project and the stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from ops.config import Project
    from ops.stack import Stack


@dataclass(frozen=True)
class Options:
    """The global options. Loading is left to the command, so that ``--help`` stays quick."""

    files: tuple[str, ...] = ()
    project: str | None = None
    verbose: bool = False

    def load(self) -> Project:
        """The Compose project. Raises ConfigError."""
        from ops.config import load

        return load(self.files, self.project)

    def stack(self, *modules: str) -> Stack:
        """The project and its engine. Raises ConfigError, EngineUnreachable.

        ``modules``: what the command is about to import, so that this is done while Compose is waited for.
        """
        from concurrent.futures import Future
        from importlib import import_module
        from threading import Thread

        # Compose reads its file while the Docker SDK, the slowest import of all, is loaded. A daemon: Ctrl-C must
        # not wait for a compose command that itself waits for an engine that hangs.
        project: Future[Project] = Future()
        Thread(target=_fulfil, args=(project, self.load), daemon=True, name="videa-compose").start()
        from ops.engine.client import Engine
        from ops.stack import Stack

        engine = Engine()
        for module in modules:
            import_module(module)
        return Stack(engine, project.result())


def _fulfil(future: Future[Project], work: Callable[[], Project]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)


def show_help(context: typer.Context) -> None:
    """The callback of a group of commands: named alone it shows its help and ends well, as docker and kubectl do."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit
