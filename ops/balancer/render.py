"""Renders nginx's upstreams.conf, and parses it: pure functions, no I/O.

The file has everything that changes while the stack is running; the rest is in the image (image/). It opens the
``http`` block itself, so that one atomic rename replaces process-wide and site settings together. The image expects in
it: ``$videa_generation``, ``$videa_upstream`` (the group for a request), ``$videa_set_cookie`` (empty for none),
``$videa_maintenance`` (1 closes the site), and a group ``any`` of all replicas that Compose started, for requests that
no listed replica could answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from ops.balancer import maintenance as closing
from ops.balancer import proxy
from ops.balancer.split import CANARY
from ops.balancer.split import parse as parse_split
from ops.balancer.split import render as render_split
from ops.balancer.sticky import BACKUPS, CLIENT, backups, choice, replica_id
from ops.traffic import Maintenance, Membership, Sticky, Upstream

APP = "app"
"""The upstream group of the listed replicas."""

ANY = "any"
"""The upstream group of every replica that Docker's DNS returns for the service's name."""

SERVER_OPTIONS = "resolve max_fails=1 fail_timeout=2s"
"""After one failed connection, a replica gets no requests for a while: Docker's DNS may still have its old address."""

NEVER_ALONE = "server 127.0.0.1:9 down;"
"""A second entry, never used. If the name of a killed replica is gone and one is left, nginx would count a group of
one, and answer 504 to the requests that still wait at the dead address, instead of trying once more."""

_METHODS: dict[Sticky, str] = {"none": "least_conn", "ip": "hash $remote_addr consistent"}
_GENERATION = re.compile(r'map "" \$videa_generation\s*\{ default (\d+); \}')
_GROUP = re.compile(rf"upstream ({APP}|{CANARY})(?:-\w+)? \{{(.*?)\n    \}}", re.DOTALL)
_SERVER = re.compile(r"^ *server ([^\s:;]+):(\d+) (?!.*(?:backup|down);)", re.MULTILINE)
_ANY_PORT = re.compile(rf"upstream {ANY} \{{.*?^ *server [^\s:;]+:(\d+) ", re.DOTALL | re.MULTILINE)


def render(upstream: Upstream, generation: int, maintenance: Maintenance | None = None) -> str:
    """The text of upstreams.conf. ``generation``: the number that nginx reports when this text is active."""
    groups = {APP: upstream.servers} if upstream.servers else {}
    if upstream.split:
        groups[CANARY] = upstream.split.servers
    parts = [
        f"{proxy.line(upstream.proxy)}    include /etc/nginx/http.conf;\n",
        f'    map "" $videa_generation {{ default {generation}; }}\n{_route(upstream, groups)}',
        closing.block(maintenance),
        *(text for group, servers in groups.items() for text in _groups(upstream, group, servers)),
        _group(ANY, (f"{upstream.service}:{upstream.port}",), "least_conn"),
    ]
    return (
        "# Written by videa, replaced at every change. To start over: remove it and restart the container.\n"
        f"worker_shutdown_timeout {max(1, math.ceil(upstream.drain_timeout))}s;\n\n"
        "http {\n" + "\n".join(parts) + "}\n"
    )


def parse(text: str) -> Membership:
    """The membership in a rendered or default upstreams.conf, from the directives that nginx uses.

    Raises ValueError if the text is not such a file.
    """
    generation = _GENERATION.search(text)
    if generation is None or f"upstream {ANY} " not in text:
        raise ValueError(f"it has no generation or no group {ANY!r}")
    servers = [(group, *server) for group, lines in _GROUP.findall(text) for server in _SERVER.findall(lines)]
    app, canary = (tuple(name for member_of, name, _ in servers if member_of == group) for group in (APP, CANARY))
    ports = {name: int(port) for _, name, port in servers}
    any_port = _ANY_PORT.search(text)
    return Membership(
        generation=int(generation[1]),
        servers=app,
        canary=canary,
        maintenance=closing.read(text),
        text=text,
        ports=ports,
        any_port=int(any_port[1]) if any_port else None,
        split=parse_split(text, canary),
    )


def is_outdated(membership: Membership, upstream: Upstream) -> bool:
    """Whether the text for ``upstream``, with the same servers, differs: the settings have changed since."""
    return membership.text.strip() != render(upstream, membership.generation, membership.maintenance).strip()


def switched(text: str, generation: int, maintenance: Maintenance | None) -> str:
    """A rendered text with the site closed or opened, and the same replicas. Raises ValueError."""
    renumbered = _GENERATION.sub(f'map "" $videa_generation {{ default {generation}; }}', text, count=1)
    return closing.switched(renumbered, maintenance)


def _route(upstream: Upstream, groups: Mapping[str, tuple[str, ...]]) -> str:
    """The lines that set $videa_upstream and $videa_set_cookie."""
    cookie = upstream.sticky == "cookie" and bool(groups)
    variable = "$videa_side" if cookie else "$videa_upstream"
    route = f'    map "" {variable} {{ default {APP if groups else ANY}; }}\n'
    if upstream.split:
        route = render_split(upstream.split, APP, CLIENT if cookie else "$remote_addr", variable)
    return route + (choice(groups) if cookie else '\n    map "" $videa_set_cookie { default ""; }\n')


def _groups(upstream: Upstream, group: str, servers: tuple[str, ...]) -> list[str]:
    """The upstream blocks of APP or CANARY: one for all replicas or, with sticky cookies, one per replica with backups.

    Clients of a canary that cannot be reached still get an answer: stable replicas are its backups. This does not apply
    to sticky addresses, because nginx's ``hash`` supports no backups.
    """
    split = upstream.split
    stable = upstream.servers if split and group == CANARY and not split.private else ()
    if upstream.sticky == "cookie":
        return [
            _group(
                f"{group}-{replica_id(name)}",
                (upstream.address(name),),
                backup=tuple(map(upstream.address, (*backups(servers, name), *stable)[:BACKUPS])),
            )
            for name in servers
        ]
    backup = stable if upstream.sticky == "none" else ()
    addresses, backup = tuple(map(upstream.address, servers)), tuple(map(upstream.address, backup))
    return [_group(group, addresses, _METHODS[upstream.sticky], backup)]


def _group(name: str, addresses: tuple[str, ...], method: str = "", backup: tuple[str, ...] = ()) -> str:
    lines = "".join(f"        server {address} {SERVER_OPTIONS};\n" for address in addresses)
    lines += "".join(f"        server {address} {SERVER_OPTIONS} backup;\n" for address in backup)
    lines += f"        {NEVER_ALONE}\n" if method == "least_conn" else ""
    return (
        f"    upstream {name} {{\n"
        f"        zone {name} {'512k' if method else '128k'};\n"
        + (f"        {method};\n" if method else "")
        + f"{lines}"
        # Shorter than the backend's keep-alive timeout (75 s): otherwise nginx may use a connection that it has closed.
        "        keepalive 64;\n"
        "        keepalive_requests 10000;\n"
        "        keepalive_timeout 60s;\n"
        "    }\n"
    )
