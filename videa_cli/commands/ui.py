"""videa ui"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ops.errors import UsageError
from videa_cli.context import Options
from videa_cli.numbers import whole

if TYPE_CHECKING:
    from aiohttp import web

TOP_PORT = 65535


def ui(
    context: typer.Context,
    port: Annotated[
        int, typer.Option("--port", parser=whole(0), metavar="N", help="Port on 127.0.0.1; default: a free one.")
    ] = 0,
    open_browser: Annotated[bool, typer.Option("--open", help="Also open the page in the browser.")] = False,
    read_only: Annotated[bool, typer.Option("--read-only", help="Show everything, change nothing.")] = False,
) -> None:
    """Serve a web page for operators, on this machine only.

    It shows the replicas with their load, the traffic split, the operation that has not ended, events, history, logs
    and the doctor's report, live. Unless --read-only, it can scale, promote, abort, roll back, and close the site for
    maintenance: it runs the same commands, after showing their dry run.

    Prints a URL with a token; without the token, nothing is shown. Runs until Ctrl-C; an operation that was started in
    the page continues. Needs `pip install 'videa[ui]'`. docs/ui.md describes the security model, and how to use it on
    another machine through ssh.

    \b
    Examples:
      videa ui
      videa ui --open
      videa ui --port 8300 --read-only
    """
    import asyncio

    if port > TOP_PORT:
        raise UsageError(f"--port: {port} is not a port", f"use a number from 0 to {TOP_PORT}")
    try:
        import aiohttp_jinja2  # noqa: F401
    except ImportError:
        raise UsageError(
            "videa ui needs aiohttp and aiohttp-jinja2, which are not installed", "pip install 'videa[ui]'"
        ) from None
    from videa_cli.ui.server import make_app
    from videa_cli.ui.session import Sessions
    from videa_cli.ui.source import Source

    options: Options = context.obj
    source = Source(options.stack)
    name = source.stack().project.name  # an error in the Compose file is shown here, not in the page
    sessions = Sessions()
    app = make_app(source, sessions, _global_options(options), read_only)
    try:
        asyncio.run(_serve(app, port, name, sessions.token, open_browser))
    except KeyboardInterrupt:
        return


async def _serve(app: web.Application, port: int, name: str, token: str, open_browser: bool) -> None:
    """Serves until it is cancelled. Raises UsageError if the port is taken."""
    import asyncio

    from videa_cli.ui.listen import address_of, listen

    opened = None
    runner = await listen(app, port)
    try:
        address = address_of(runner, token)
        typer.echo(f"{name}: {address}")
        typer.echo("anybody with this URL may use the page; stop it with Ctrl-C", err=True)
        if open_browser:
            from videa_cli.ui.browser import open_page

            opened = open_page(address)
        await asyncio.Event().wait()
    finally:
        if opened:
            opened.unlink(missing_ok=True)
        await runner.cleanup()


def _global_options(options: Options) -> list[str]:
    """The global options for the commands that the page starts."""
    files = [word for file in options.files for word in ("--file", file)]
    directory = ["--project-directory", str(options.directory)] if options.directory else []
    return [*files, *directory, *(["--project", options.project] if options.project else [])]
