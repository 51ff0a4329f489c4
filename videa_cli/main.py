"""The videa command: its global options, its commands, and the one place where errors become words and exit codes."""

from __future__ import annotations

import errno
import sys
from contextlib import suppress
from typing import Annotated

import typer

from ops import interrupts
from ops.errors import UsageError, VideaError
from videa_cli.commands import LazyGroup
from videa_cli.context import Options, show_help
from videa_cli.exit_codes import ExitCode, exit_code_of
from videa_cli.failure import show_failure
from videa_cli.streams import send_nowhere


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
        list[str] | None, typer.Option("--file", "-f", metavar="FILE", help="Compose file; may be given several times.")
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", "--project-name", "-p", metavar="NAME", help="Compose project name.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what lies behind an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and end.")
    ] = False,
) -> None:
    """Scale, deploy and diagnose a Compose service behind nginx without losing a request.

    Works on the Compose project of the current folder, as `docker compose` does, on the engine that DOCKER_HOST or the
    current Docker context names.

    \b
    Examples:
      videa up                      bring the stack up and wait until it serves
      videa scale 3                 three replicas, no request lost
      videa scale +1                one more
      videa deploy --build          build the service's image and roll it out
      videa deploy --image app:42   roll out an image that is there already
      videa deploy --canary         give it a growing share of the traffic, judged each time
      videa rollback                go back to the release before
      videa status                  replicas, their release, health and load
      videa doctor                  what is wrong, and how to mend it

    \b
    Exit codes:
      0 done   1 failed and put back   2 usage   3 Compose file   4 Docker   5 balancer
      6 refused before it began   7 another operation is under way   130 interrupted and put back
      8 failed or interrupted, and not put back: what there is then is said
    """
    show_help(context)
    context.obj = Options(files=tuple(file or ()), project=project, verbose=verbose)


def run() -> None:
    """Runs the command line and ends the process with a documented exit code. Nothing below it shows a traceback."""
    interrupts.treat_alike()
    with interrupts.held():
        try:
            sys.exit(_run(sys.argv[1:]))
        finally:
            interrupts.ignore()


def _run(arguments: list[str]) -> int:
    verbose = bool({"--verbose", "-v"} & set(arguments))
    as_json = "--json" in arguments
    try:
        with interrupts.allowed(again=True):
            code = app(standalone_mode=False)
            if code == ExitCode.INTERRUPTED:  # what typer makes of Ctrl-C
                raise KeyboardInterrupt
        return code if isinstance(code, int) else ExitCode.OK
    except VideaError as error:
        show_failure(error, as_json, verbose)
        return exit_code_of(error)
    except typer.TyperException as error:
        asked = getattr(getattr(error, "ctx", None), "command_path", "videa")
        show_failure(UsageError(_sentence(error), f"see {asked} --help"), as_json, verbose)
        return ExitCode.USAGE
    except (KeyboardInterrupt, typer.Abort):
        with suppress(OSError):
            print("interrupted; nothing was changed", file=sys.stderr)  # noqa: T201
        return ExitCode.INTERRUPTED
    except Exception as error:
        return _end_of(error, as_json, verbose)


def _end_of(error: Exception, as_json: bool, verbose: bool) -> ExitCode:
    """Ends a command that met what ops does not explain: nobody reads its output any more, or it has a bug."""
    if isinstance(error, BrokenPipeError):
        sys.stderr.close()
        return ExitCode.OK
    if isinstance(error, OSError) and error.errno == errno.EIO:  # what a closed terminal answers
        send_nowhere(sys.stdout)
        return ExitCode.OK
    if verbose:
        raise error
    bug = VideaError(
        f"videa itself failed: {type(error).__name__}: {error}",
        "this is a bug; run it again with --verbose and report what it shows",
    )
    show_failure(bug, as_json, verbose)
    return ExitCode.BUG


def _sentence(error: typer.TyperException) -> str:
    """A usage error in one line, without its full stop."""
    words = error.format_message() if hasattr(error, "format_message") else str(error)
    return " ".join(str(words).split()).rstrip(".")
