"""videa init"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from videa_cli.context import Options
from videa_cli.no_redirect import NoRedirect
from videa_cli.numbers import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.adopt.sharing import Agree
    from ops.adopt.wanted import Ask, Wanted


MOST = 65535
"""The highest port number."""


def init(
    context: typer.Context,
    service: Annotated[
        list[str] | None,
        typer.Option("--service", metavar="NAME", help="A service that gets requests; repeat it for several."),
    ] = None,
    port: Annotated[
        list[str] | None,
        typer.Option("--port", metavar="[NAME=]PORT", help="Its HTTP port in the container."),
    ] = None,
    health: Annotated[
        list[str] | None,
        typer.Option("--health", metavar="[NAME=]/PATH", help="The path that it answers with 200 when it is ready."),
    ] = None,
    route: Annotated[
        list[str] | None,
        typer.Option(
            "--route",
            metavar="NAME=[HOST][/PATH][,strip]",
            help="Which requests it gets, if several do; with strip, without /PATH.",
        ),
    ] = None,
    share: Annotated[
        list[str] | None,
        typer.Option(
            "--share",
            metavar="/PATH",
            help="A volume or folder, by its path in the container, that replicas may write at the same time.",
        ),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Go back to plain Compose.")] = False,
    no_redirect: NoRedirect = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON; needs --yes or --dry-run.")] = False,
) -> None:
    """Put your own Compose project behind a balancer.

    After that, videa can scale and deploy it without losing a request. Reads the Compose files as Compose merges them,
    the configuration of your own proxy, and the running containers. Finds the service that answers HTTP, its port and
    its health path, and the workers, which get no requests. Shows a file compose.videa.yaml with what is missing: the
    x-videa sections and nginx. COMPOSE_FILE in .env names that file, so `docker compose` reads it too. Your own files
    do not change. init asks before it writes both; `videa up` then starts what is new.

    Several services can get requests. Where Traefik's labels, the configuration of nginx or Caddy, or nginx-proxy's
    variables already route to them by host and path, init finds them with their routes. Otherwise name them: the first
    one gets every request that no --route gives to another.

    If a setting prevents replicas without lost requests, init shows the line to change. Replicas that write the same
    volume at the same time are refused until you allow it: on a terminal init asks, a script uses --share.

    A published port moves from the service to nginx. Docker cannot hand over a port between running containers: in a
    running project, `videa up` first starts new replicas and waits until they are ready, then stops the old container
    and starts nginx. In between, a second nginx serves new connections (see `videa up --help`).

    --remove deletes compose.videa.yaml and what videa has written to .env. If the project is running, it also returns
    the port to the service in the same way. Additional replicas of workers stay until the next `docker compose up -d`.

    Run it again after an update of videa to get its new nginx: your changes in compose.videa.yaml are kept.

    \b
    Examples:
      videa init                       find out, show, ask, write
      videa init --dry-run             only show
      videa init --yes                 in a script
      videa init --service api --port 8000 --health /healthz
      videa init --service web --service api --route api=/api --port api=8000
      videa init --share /app/uploads  replicas may all write this volume
      videa -f compose.yaml -f prod.yaml init          records both files
      videa --env-file prod.env init                   records them in prod.env; type --env-file later, too
      videa init --remove

    \b
    Exit codes (on any but 0, nothing was changed):
      0 written, or nothing to do   2 usage, or a question without a terminal   3 Compose file or .env
      4 Docker   6 the service cannot have several replicas   7 --remove: another operation is running
      130 not confirmed, or interrupted
    """
    from ops.adopt.propose import propose
    from ops.adopt.write import install
    from ops.balancer.packaged import ensure_image
    from ops.errors import UsageError
    from ops.factory import connect, open_stack
    from ops.project.plain import load_plain
    from videa_cli.console import console
    from videa_cli.init_view import as_dict, next_steps, show
    from videa_cli.render import Progress

    if as_json and not (yes or dry_run):
        raise UsageError("--json asks nothing", "add --yes to write, or --dry-run")
    if remove and (service or port or health or route or share):
        raise UsageError("--remove takes no --service, --port, --health, --route or --share", "videa init --remove")
    wanted = _wanted(service or [], port or [], health or [], route or [], share or [])
    options: Options = context.obj
    if remove:
        _remove(options, yes, dry_run, as_json, not no_redirect)
        return
    asked = not (yes or dry_run)
    plain = load_plain(options.files, options.project, directory=options.directory)
    stack = open_stack(plain.project, connect())
    proposal = propose(plain, stack, wanted, _asker(asked), _agreement(asked))
    if not as_json:
        show(plain, proposal)
    if not dry_run and proposal.differs(plain):
        if asked:
            _confirm("write this?")
        progress = Progress()
        try:
            ensure_image(stack.platform.images, progress)
        finally:
            progress.close()
        install(plain, proposal.after, proposal.variables)
    if as_json:
        typer.echo(as_dict(plain, proposal, dry_run))
    elif dry_run:
        console().print("nothing was changed (dry run)")
    else:
        console().print(f"next: {next_steps(proposal)}")


def _wanted(
    services: Sequence[str], ports: Sequence[str], healths: Sequence[str], routes: Sequence[str], shares: Sequence[str]
) -> Wanted:
    """The choices made by the options. Raises UsageError."""
    from ops.adopt.requests import read
    from ops.adopt.wanted import Wanted
    from ops.errors import UsageError

    read_port = whole(1)
    first: dict[str, Any] = {"port": None, "health": None}
    named: dict[str, dict[str, Any]] = {"port": {}, "health": {}, "route": {}}
    for option, values in (("port", ports), ("health", healths), ("route", routes)):
        for text in values:
            name, sign, value = text.rpartition("=") if option == "port" else text.partition("=")
            if not sign and option == "route":
                raise UsageError(f"--route {text} names no service", "write it as --route NAME=/PATH")
            name, value = (name, value) if sign else ("", text)
            if option == "port":
                parsed: Any = read_port(value)
                if parsed > MOST:
                    raise UsageError(f"--port {text} is not a port", f"write a number from 1 to {MOST}")
            elif option == "health":
                parsed = value
                if not value.startswith("/"):
                    raise UsageError(f"--health {text} is not a path", "write it as /healthz")
            else:
                try:
                    parsed = read(value)
                except ValueError as error:
                    raise UsageError(f"--route {text}: {error}", "write it as NAME=/PATH or NAME=HOST/PATH") from error
            if name:
                named[option][name] = parsed
            else:
                first[option] = parsed
    others = dict.fromkeys((*services[1:], *named["route"]))
    default = services[0] if services else None
    return Wanted(
        default,
        first["port"],
        first["health"],
        tuple(name for name in others if name != default),
        named["port"],
        named["health"],
        named["route"],
        frozenset(shares),
    )


def _remove(options: Options, yes: bool, dry_run: bool, as_json: bool, redirect: bool) -> None:
    import json

    from ops.adopt import overlay
    from ops.adopt.advice import own_nginx
    from ops.adopt.gather import gather
    from ops.adopt.removal import removal
    from ops.adopt.write import uninstall
    from ops.factory import open_stack
    from ops.handover.back import Leaving, hand_back
    from ops.handover.stand_in import gap
    from ops.lifecycle import await_balancer
    from ops.project.plain import load_plain
    from videa_cli.console import console
    from videa_cli.init_view import show_removal
    from videa_cli.operation import typed
    from videa_cli.render import Progress

    plain = load_plain(options.files, options.project, directory=options.directory)
    variables = removal(plain)
    text = plain.overlay_text()
    section = overlay.section(text)
    services, balancer = (str(section.get("service")), *overlay.others(text)), str(section.get("balancer"))
    stack = open_stack(plain.project)
    facts = gather(plain, stack, balancer)
    leaving = Leaving(
        services,
        overlay.workers(text),
        balancer,
        overlay.volumes(text),
        overlay.shared(text),
        overlay.asked(text),
        own_nginx(facts.routes, services, plain.project.model),
    )
    running = any(container.service == leaving.balancer for container in stack.containers())
    lines = [route for route in facts.routes if route.service == balancer]
    if not as_json:
        show_removal(plain, variables, gap(stack, redirect) if running else None, lines)
    if not dry_run:
        if not yes:
            _confirm("remove this?")
        progress = Progress()
        try:
            hand_back(
                stack, plain, leaving, lambda: uninstall(plain, variables), await_balancer, progress, typed(), redirect
            )
        finally:
            progress.close()
    if as_json:
        typer.echo(json.dumps({"removed": str(plain.overlay), "variables": list(variables), "dry_run": dry_run}))
    elif dry_run:
        console().print("nothing was changed (dry run)")


def _asker(allowed: bool) -> Ask:
    from ops.adopt.wanted import About
    from ops.errors import UsageError

    def ask(about: About, question: str, answers: Sequence[str]) -> str:
        option = {About.PORT: "--port PORT", About.REQUESTS: "--route NAME=/PATH"}.get(about, "--service NAME")
        if about is About.SERVICES:
            first, other, *_ = answers
            option += f", or several: --service {first} --service {other} --route {other}=/PATH"
        known = f": {', '.join(answers)}" if answers else ""
        if not (allowed and _on_terminal()):
            raise UsageError(f"cannot know {question}{known}", f"say it: {option}")
        answer = typer.prompt(f"{question}{known}\n", err=True).strip()
        if answers and answer not in answers:
            raise UsageError(f"{answer!r} is none of {', '.join(answers)}", f"say it: {option}")
        return str(answer)

    return ask


def _agreement(allowed: bool) -> Agree:
    """Asks for a yes if a user can be asked; no is the default."""
    return lambda question: allowed and _on_terminal() and typer.confirm(question, err=True)


def _confirm(question: str) -> None:
    """Asks for confirmation. Raises UsageError if no user can be asked, Abort for a no."""
    from ops.errors import UsageError

    if not _on_terminal():
        raise UsageError("cannot ask: this is not a terminal", "add --yes to write, or --dry-run to only look")
    if not typer.confirm(question, err=True):
        raise typer.Abort


def _on_terminal() -> bool:
    import sys

    return sys.stdin.isatty() and sys.stderr.isatty()
