"""The global options, and the project, the stack and the journal that they select."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from ops.engine.answers import Answers
    from ops.project.config import Project
    from ops.rollout.journal import Journal
    from ops.stack import Stack


@dataclass(frozen=True)
class Options:
    """The global options. Each command loads only what it needs, so that ``--help`` stays fast."""

    files: tuple[str, ...] = ()
    project: str | None = None
    directory: Path | None = None
    verbose: bool = False

    def load(self, answers: Answers | None = None) -> Project:
        """The Compose project. ``answers``: earlier answers of Compose about the same files. Raises ConfigError."""
        from ops.project.loading import load

        return load(self.files, self.project, directory=self.directory, answers=answers)

    def remembering(self) -> Answers:
        """A cache for a process that opens the same stack again and again."""
        from ops.project.loading import remembering

        return remembering(self.files, self.directory)

    def journal(self) -> Journal:
        """The journal of the operation started in this folder, otherwise that of the project. Raises like ``stack``."""
        import os

        from ops.factory import open_store
        from ops.rollout.journal import Journal
        from ops.rollout.origin import origin

        store = open_store()
        started_here = Journal.begun_at(store, origin(self.files, self.project, os.environ, self.directory))
        if started_here:
            return started_here
        project = self.load()
        return Journal(open_store(None, project), project.name)

    def stack(self, answers: Answers | None = None) -> Stack:
        """The stack of the default service, otherwise of the first service. Raises ConfigError, EngineUnreachable.

        ``answers``: see ``load``.
        """
        from concurrent.futures import Future
        from threading import Thread

        # Compose reads its file while Python loads the Docker SDK, the slowest import; the modules that start Compose
        # are loaded before both. A daemon thread, so that Ctrl-C does not wait for a Compose command that a hanging
        # engine blocks.
        import ops.project.loading  # noqa: F401

        project: Future[Project] = Future()
        Thread(target=_fulfil, args=(project, lambda: self.load(answers)), daemon=True, name="videa-compose").start()
        from ops.factory import connect, open_stack

        engine = connect()
        return open_stack(project.result(), engine)


def _fulfil(future: Future[Project], work: Callable[[], Project]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)


def group(help_text: str) -> typer.Typer:
    """A command with subcommands."""
    return typer.Typer(
        callback=show_help,
        invoke_without_command=True,
        help=help_text,
        add_completion=False,
        rich_markup_mode=None,
    )


def show_help(context: typer.Context) -> None:
    """The callback of a group: without a subcommand, shows the help and exits with 0, as docker and kubectl do."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit
