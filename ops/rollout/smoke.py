"""Checks a new release before it gets traffic, with the operator's commands and paths, over its private route."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ops.balancer.prober import INSIDE
from ops.balancer.split import HEADER
from ops.errors import ReleaseFailed
from ops.project.published import target_of
from ops.redaction.typed import shown, shown_command
from ops.route import Address, service_of
from ops.stack import Stack

PATH_TIMEOUT = 10
COMMAND_TIMEOUT = 300
"""Timeouts of a path check and of a command, in seconds."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``status``: 0 without an answer, then ``error`` has the cause; ``location``: the target of a redirect."""

    status: int
    location: str = ""
    error: str = ""


def check_paths(stack: Stack, paths: Iterable[str], token: str) -> None:
    """GETs each path of the new release through nginx, over TLS if the site uses it. Raises ReleaseFailed, EngineError.

    Only 200 to 299 is a success: a redirect may come from nginx, or its target may be an error page. A path is given as
    clients request it, so it must be routed to this service.
    """
    for path in paths:
        _check_route(stack, path)
        answer = _get(stack, INSIDE + path, token)
        if target := _tls_target(stack, path, answer.location):
            answer = _get(stack, answer.location, token, target)
        if answer.location:
            raise ReleaseFailed(
                f"the new release redirects {shown_command(path)} ({answer.status}) to {shown(answer.location, path)}",
                "check the target of the redirect",
            )
        if not 200 <= answer.status < 300:
            raise ReleaseFailed(
                f"the new release answers {shown_command(path)} with {answer.status or shown(answer.error, path)}",
                "fix it, then deploy again",
            )


def _check_route(stack: Stack, path: str) -> None:
    project = stack.project
    service = project.settings.service
    other = service_of(Address(project.entrance.host, path), project.routes)
    if other != service:
        raise ReleaseFailed(
            f"requests for {shown_command(path)} go to {other or 'no service'}, not to {service}",
            f"write the path as clients request it; the route of {service} is {project.routes[service]}",
        )


def site_url(stack: Stack, token: str) -> str:
    """The address that clients use: the address of the TLS site if plain HTTP redirects to it. Raises EngineError."""
    location = _get(stack, f"{INSIDE}/", token).location
    return f"https://{urlsplit(location).netloc}" if _tls_target(stack, "/", location) else stack.url or ""


def _get(stack: Stack, url: str, token: str, target: int | None = None) -> Answer:
    """GETs ``url`` in nginx's container; ``target``: the container port of its TLS site."""
    # The certificate may be for another name: the release is checked, not the certificate.
    tls = ("--insecure", "--connect-to", f"::127.0.0.1:{target}") if target else ()
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "\n%{http_code} %{redirect_url}"]
    host = stack.project.entrance.host
    header = ("-H", f"{HEADER}: {token}", *(("-H", f"Host: {host}") if host else ()))
    answer = stack.gateway.ask([*command, *tls, "--globoff", "--max-time", str(PATH_TIMEOUT), *header, url])
    error, _, last = answer.output.strip().rpartition("\n")
    status, _, location = last.partition(" ")
    if not answer.ok or not status.isdecimal():
        return Answer(0, error=error or last)
    return Answer(int(status), location)


def _tls_target(stack: Stack, path: str, location: str) -> int | None:
    """The container port of the TLS site, if ``location`` is ``path`` itself over HTTPS; None for any other target."""
    address = urlsplit(location)
    query = f"?{address.query}" if address.query else ""
    if address.scheme != "https" or (address.path or "/") + query != path:
        return None
    return target_of(stack.project.model["services"][stack.project.settings.balancer].get("ports"), address.port or 443)


def check_command(stack: Stack, command: str, token: str) -> None:
    """Runs a command of the operator. Raises ReleaseFailed if it fails.

    VIDEA_URL contains the address of the stack, VIDEA_HEADER the header that routes a request to the new release.
    """
    environment = {**os.environ, "VIDEA_URL": site_url(stack, token), "VIDEA_HEADER": f"{HEADER}: {token}"}
    try:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=stack.project.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ReleaseFailed(
            f"the check `{shown_command(command)}` took over {COMMAND_TIMEOUT} s", "fix the release, then deploy again"
        ) from error
    if done.returncode:
        printed = shown(done.stdout, source=[command, {"token": token}])
        last = next((line for line in reversed(printed.splitlines()) if line.strip()), "it printed nothing")
        raise ReleaseFailed(
            f"the check `{shown_command(command)}` exited with {done.returncode}: {last.strip()[:300]}",
            "fix the release, then deploy again",
            printed,
        )
