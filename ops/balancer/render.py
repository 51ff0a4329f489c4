"""What videa writes for nginx, as text: pure functions, no I/O.

The rendered file holds everything that changes while the stack lives; the rest is in the image (compose/nginx). It
opens the ``http`` block itself, so that one atomic rename replaces process-wide and site settings together. What the
image expects of it: ``$videa_generation``, ``$videa_upstream`` (the group that a request goes to),
``$videa_set_cookie`` (empty for none), ``$videa_maintenance`` (1 closes the site), and a group ``any`` of whatever
Compose started, for requests that no listed replica could be asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from ops.balancer import maintenance as closing
from ops.balancer.split import CANARY
from ops.balancer.split import parse as parse_split
from ops.balancer.split import render as render_split
from ops.balancer.sticky import CLIENT, SPARE, choice, replica_id, spares
from ops.traffic import Maintenance, Membership, Sticky, Upstream

APP = "app"
"""The upstream group of the replicas that were admitted."""

ANY = "any"
"""The upstream group of every replica that Docker's DNS knows under the service's name."""

SERVER_OPTIONS = "resolve max_fails=1 fail_timeout=2s"
"""One failed connection is enough to leave a replica alone while Docker's DNS may still name its dead address."""

_METHODS: dict[Sticky, str] = {"none": "least_conn", "ip": "hash $remote_addr consistent"}
_GENERATION = re.compile(r'map "" \$videa_generation\s*\{ default (\d+); \}')
_GROUP = re.compile(rf"upstream ({APP}|{CANARY})(?:-\w+)? \{{(.*?)\n    \}}", re.DOTALL)
_SERVER = re.compile(r"^ *server ([^\s:;]+):(\d+) (?!.* backup;)", re.MULTILINE)
_ANY_PORT = re.compile(rf"upstream {ANY} \{{.*?^ *server [^\s:;]+:(\d+) ", re.DOTALL | re.MULTILINE)


def render(upstream: Upstream, generation: int, maintenance: Maintenance | None = None) -> str:
    """The text of upstreams.conf. ``generation``: the number by which nginx tells that it serves this text."""
    sides = {APP: upstream.servers} if upstream.servers else {}
    if upstream.split:
        sides[CANARY] = upstream.split.servers
    parts = [
        "    include /etc/nginx/http.conf;\n",
        f'    map "" $videa_generation {{ default {generation}; }}\n{_route(upstream, sides)}',
        closing.block(maintenance),
        *(group for side, servers in sides.items() for group in _groups(upstream, side, servers)),
        _group(ANY, (f"{upstream.service}:{upstream.port}",), "least_conn"),
    ]
    return (
        "# Written by videa, replaced at every change. To start over: remove it and restart the container.\n"
        f"worker_shutdown_timeout {max(1, math.ceil(upstream.drain_timeout))}s;\n\n"
        "http {\n" + "\n".join(parts) + "}\n"
    )


def parse(text: str) -> Membership:
    """Reads back which replicas a rendered or default upstreams.conf admits, from the lines that nginx itself obeys.

    Raises ValueError if the text is not such a file.
    """
    generation = _GENERATION.search(text)
    if generation is None or f"upstream {ANY} " not in text:
        raise ValueError(f"it has no generation or no group {ANY!r}")
    found = [(side, *server) for side, lines in _GROUP.findall(text) for server in _SERVER.findall(lines)]
    app, canary = (tuple(server for where, server, _ in found if where == side) for side in (APP, CANARY))
    ports = {server: int(port) for _, server, port in found}
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
    """Whether ``upstream``, which has the same servers, would be written otherwise: the settings have changed since."""
    return membership.text.strip() != render(upstream, membership.generation, membership.maintenance).strip()


def switched(text: str, generation: int, maintenance: Maintenance | None) -> str:
    """A rendered text that closes or opens the site and serves the same replicas. Raises ValueError."""
    counted = _GENERATION.sub(f'map "" $videa_generation {{ default {generation}; }}', text, count=1)
    return closing.switched(counted, maintenance)


def _route(upstream: Upstream, sides: Mapping[str, tuple[str, ...]]) -> str:
    """The lines that set $videa_upstream and $videa_set_cookie."""
    cookie = upstream.sticky == "cookie" and bool(sides)
    variable = "$videa_side" if cookie else "$videa_upstream"
    route = f'    map "" {variable} {{ default {APP if sides else ANY}; }}\n'
    if upstream.split:
        route = render_split(upstream.split, APP, CLIENT if cookie else "$remote_addr", variable)
    return route + (choice(sides) if cookie else '\n    map "" $videa_set_cookie { default ""; }\n')


def _groups(upstream: Upstream, side: str, servers: tuple[str, ...]) -> list[str]:
    """The groups of one side: all of its replicas in one or, where cookies name replicas, each with its spares.

    A canary that cannot be reached costs its clients nothing: stable answers them. Not where clients are told apart by
    their address, because nginx's `hash` knows no spares.
    """
    split = upstream.split
    stable = upstream.servers if split and side == CANARY and not split.private else ()
    if upstream.sticky == "cookie":
        return [
            _group(
                f"{side}-{replica_id(name)}",
                (upstream.address(name),),
                spare=tuple(map(upstream.address, (*spares(servers, name), *stable)[:SPARE])),
            )
            for name in servers
        ]
    spare = stable if upstream.sticky == "none" else ()
    addresses, spare = tuple(map(upstream.address, servers)), tuple(map(upstream.address, spare))
    return [_group(side, addresses, _METHODS[upstream.sticky], spare)]


def _group(name: str, addresses: tuple[str, ...], method: str = "", spare: tuple[str, ...] = ()) -> str:
    lines = "".join(f"        server {address} {SERVER_OPTIONS};\n" for address in addresses)
    lines += "".join(f"        server {address} {SERVER_OPTIONS} backup;\n" for address in spare)
    return (
        f"    upstream {name} {{\n"
        f"        zone {name} {'512k' if method else '128k'};\n"
        + (f"        {method};\n" if method else "")
        + f"{lines}"
        # Shorter than the backend's own idle time (75 s), or nginx would send on connections that it just closed.
        "        keepalive 64;\n"
        "        keepalive_requests 10000;\n"
        "        keepalive_timeout 60s;\n"
        "    }\n"
    )
