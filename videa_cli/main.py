"""The videa command: its global options, and the one place that turns errors into messages and exit codes.

This does not import ``annotations`` from ``__future__``: Typer would evaluate each string five times, in every command.
"""

import errno
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from ops import interrupts
from ops.errors import UsageError, VideaError
from ops.project.encoding import is_utf8
from videa_cli.commands import LazyGroup
from videa_cli.context import Options, show_help
from videa_cli.exit_codes import ExitCode, exit_code_of
from videa_cli.failure import show_failure
from videa_cli.json_output import Json, own_words, show_result, wanted_json
from videa_cli.start import PLUGIN
from videa_cli.streams import discard_output, show_anything


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"videa {version('videa')}")
        raise typer.Exit


app = typer.Typer(
    name="videa",
    cls=LazyGroup,
    invoke_without_command=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback()
def videa(
    context: typer.Context,
    file: Annotated[
        list[str] | None, typer.Option("--file", "-f", metavar="FILE", help="Compose file; may be repeated.")
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", "--project-name", "-p", metavar="NAME", help="Compose project name.")
    ] = None,
    env_file: Annotated[
        list[str] | None, typer.Option("--env-file", metavar="FILE", help="Env file in place of .env; may be repeated.")
    ] = None,
    profile: Annotated[
        list[str] | None, typer.Option("--profile", metavar="NAME", help="Profile to enable; may be repeated.")
    ] = None,
    project_directory: Annotated[
        Path | None,
        typer.Option("--project-directory", metavar="DIR", help="Folder of the project, in place of the file's."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the details of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Scale, deploy and diagnose a Compose service behind nginx without losing a request.

    Works on the Compose project in the current folder, like `docker compose`, and on the engine that DOCKER_HOST or the
    current Docker context names, also on another machine: DOCKER_HOST=ssh://USER@HOST, see docs/remote.md.

    \b
    Examples:
      videa init                    put your own Compose project behind a balancer
      videa up                      start the stack and wait until it serves
      videa scale 3                 run three replicas
      videa scale +1                run one more
      videa deploy --build          build the service's image and roll it out
      videa deploy --image app:42   roll out an existing image
      videa deploy --canary         increase the new release's traffic in steps and judge each step
      videa rollback                return to the previous release
      videa status                  show the replicas, their release, health and load
      videa doctor                  find what is wrong, and how to fix it
      videa push app:42 --to ssh://ops@shop.example    send an image to another engine, without a registry

    \b
    Exit codes:
      0 done   1 failed and rolled back   2 usage   3 Compose file   4 Docker   5 balancer
      6 refused before it started   7 another operation is running, or has taken over
      130 interrupted and rolled back
      8 failed or interrupted, and not rolled back: the message says what is running now
    """
    show_help(context)
    _pass_to_compose(env_file or (), profile or ())
    context.obj = Options(tuple(file or ()), project, project_directory, verbose)


def _pass_to_compose(env_files: Iterable[str], profiles: Iterable[str]) -> None:
    """Sets the variables with which Compose gets these options, for all Compose commands. Raises UsageError."""
    given = list(env_files) or [*filter(None, os.environ.get("COMPOSE_ENV_FILES", "").split(","))]
    files = [str(Path(name).absolute()) for name in given]
    if wrong := [name for name in files if "," in name]:
        raise UsageError(f"--env-file {wrong[0]}: Compose separates env files with commas", "rename the file")
    if files:
        os.environ["COMPOSE_ENV_FILES"] = ",".join(files)
    if enabled := [*filter(None, os.environ.get("COMPOSE_PROFILES", "").split(",")), *profiles]:
        os.environ["COMPOSE_PROFILES"] = ",".join(dict.fromkeys(enabled))


def run() -> None:
    """Runs the command line and ends the process with a documented exit code. No error shows a traceback."""
    interrupts.treat_alike()
    show_anything(sys.stdout)
    with interrupts.held():
        try:
            sys.exit(_run(sys.argv[1:]))
        finally:
            interrupts.ignore()


def _run(arguments: list[str]) -> int:
    program = None
    verbose = bool({"--verbose", "-v"} & set(own_words(arguments)))
    as_json = wanted_json(arguments)
    try:
        _check_encoding(arguments)
        if Path(sys.argv[0]).name == PLUGIN:
            program = _become_plugin()
        with interrupts.allowed(again=True):
            code = app(prog_name=program, standalone_mode=False)
            if code == ExitCode.INTERRUPTED:  # typer returns this after Ctrl-C
                raise KeyboardInterrupt
        return code if isinstance(code, int) else ExitCode.OK
    except VideaError as error:
        code = exit_code_of(error)
        show_failure(error, as_json, verbose, code)
        return code
    except typer.TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "videa")
        show_failure(UsageError(_sentence(error), f"see {command} --help"), as_json, verbose, ExitCode.USAGE)
        return ExitCode.USAGE
    except (KeyboardInterrupt, typer.Abort):
        _show_interrupted(as_json)
        return ExitCode.INTERRUPTED
    except Exception as error:
        return _end_of(error, as_json, verbose)


def _become_plugin() -> str:
    """Replaces docker's arguments as if `videa` had been typed, and returns the name for usage lines."""
    from videa_cli.docker_plugin import PROGRAM, own_arguments

    sys.argv = ["videa", *own_arguments(sys.argv[1:], os.environ)]
    return PROGRAM


def _show_interrupted(as_json: Json) -> None:
    left = "something may have changed: see videa status" if interrupts.may_have_changed() else "nothing was changed"
    text = f"interrupted; {left}"
    with suppress(OSError):
        print(text, file=sys.stderr)  # noqa: T201
        if as_json is Json.EVENTS:
            show_result({"error": text, "hint": ""}, as_json, ExitCode.INTERRUPTED)


def _check_encoding(arguments: list[str]) -> None:
    """Refuses bytes that cannot be stored in a label, the journal or JSON. Raises UsageError."""
    for number, argument in enumerate(arguments, 1):
        if not is_utf8(argument):
            raise UsageError(f"argument {number} has bytes that are not UTF-8: {argument}", "write it in UTF-8")


def _end_of(error: Exception, as_json: Json, verbose: bool) -> ExitCode:
    """Ends a command after an unexpected error: its output was closed, or videa has a bug."""
    if isinstance(error, BrokenPipeError):
        sys.stderr.close()
        return ExitCode.OK
    if isinstance(error, OSError) and error.errno == errno.EIO:  # the terminal was closed
        discard_output(sys.stdout)
        return ExitCode.OK
    if verbose:
        raise error
    from ops.redaction.typed import shown

    bug = VideaError(
        shown(f"videa itself failed: {type(error).__name__}: {error}"),
        "this is a bug; run the command again with --verbose and report the output",
    )
    show_failure(bug, as_json, verbose, ExitCode.BUG)
    return ExitCode.BUG


def _sentence(error: typer.TyperException) -> str:
    """A usage error in one line, without the final full stop."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    return " ".join(str(message).split()).rstrip(".")
