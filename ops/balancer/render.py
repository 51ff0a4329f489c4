"""Renders nginx's upstreams.conf, and parses it: pure functions, no I/O.

The file contains everything that changes while the stack is running; the rest is in the image (image/). It opens the
``http`` block itself, so that one atomic rename replaces process-wide and site settings together. The image expects it
to define ``$videa_generation``, ``$videa_upstream`` (the group for a request, empty for nginx's 404),
``$videa_set_cookie`` (empty for none), ``$videa_maintenance`` (1 closes the site), and a group ``any`` of all replicas
that Compose started, for requests that no listed replica could answer. With several services, ``ops.balancer.site``
chooses among their groups, and ``$videa_any`` names the group of all replicas.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ops.balancer import grpc, proxy
from ops.balancer import maintenance as closing
from ops.balancer.scope import ALONE, ANY, APP, CANARY, Scope
from ops.balancer.site import SERVICE, block, blocks, routing
from ops.balancer.split import parse as parse_split
from ops.balancer.split import render as render_split
from ops.balancer.sticky import BACKUPS, CLIENT, backups, choice, replica_id
from ops.traffic import Maintenance, Membership, Sticky, Upstream

SERVER_OPTIONS = "resolve max_fails=1 fail_timeout=2s"
"""After one failed connection, a replica gets no requests for a while: Docker's DNS may still have its old address."""

NEVER_ALONE = "server 127.0.0.1:9 down;"
"""A second entry, never used. If a killed replica's name no longer resolves and one server is left, nginx would treat
the group as having a single server: requests still waiting for the dead address would get 504 instead of a retry."""

KIB_PER_SERVER = 4
"""Shared memory of a group: nginx 1.30 rejected 500 names in 512 KiB and accepted 250; a resolved name needs more."""

_METHODS: dict[Sticky, str] = {"none": "least_conn", "ip": "hash $remote_addr consistent"}
_GENERATION = re.compile(r'map "" \$videa_generation\s*\{ default (\d+); \}')
_GROUP = re.compile(rf"upstream ({APP}|{CANARY})(?:\.\S+|-\w+)? \{{(.*?)\n    \}}", re.DOTALL)
_SERVER = re.compile(r"^ *server ([^\s:;]+):(\d+) (?!.*(?:backup|down);)", re.MULTILINE)
_ANY = re.compile(rf"upstream {ANY}(?:\.\S+)? \{{.*?^ *server ([^\s:;]+):(\S+) ", re.DOTALL | re.MULTILINE)


def render(upstream: Upstream, generation: int, maintenance: Maintenance | None = None, before: str = "") -> str:
    """The text of upstreams.conf. ``generation``: the number that nginx reports when this text is active.

    ``before``: the text that it replaces, from which the lists and splits of the other services are taken.
    """
    head = f'    map "" $videa_generation {{ default {generation}; }}\n'
    if upstream.alone:
        route, *groups = _lines(upstream, ALONE)
        route = grpc.calls("", [""] if upstream.grpc else []) + route
    else:
        route = routing({each.service: each.route for each in upstream.site})
        route += grpc.calls(SERVICE, [Scope(each.service).ending for each in upstream.site if each.grpc])
        groups = list(_blocks(upstream, before))
    parts = [
        f"{_settings(upstream)}    include /etc/nginx/http.conf;\n",
        f"{head}{route}",
        closing.block(maintenance),
        *groups,
    ]
    drain_timeout = max(each.drain_timeout for each in upstream.site)
    return (
        "# Written by videa, replaced at every change. To start over: remove it and restart the container.\n"
        f"worker_shutdown_timeout {max(1, math.ceil(drain_timeout))}s;\n\n"
        "http {\n" + "\n".join(parts) + "}\n"
    )


def _settings(upstream: Upstream) -> str:
    """The line with the settings that nginx has once for all services."""
    site = upstream.site
    return proxy.line(proxy.together(each.proxy for each in site), http2=any(each.grpc for each in site))


def _blocks(upstream: Upstream, before: str) -> Iterator[str]:
    """The blocks of all services; the blocks of the others are copied from ``before``."""
    present = blocks(before)
    for each in upstream.site:
        if each.service in present and each is not upstream:
            yield present[each.service]
        else:
            served = each if each is upstream or not before else _as_listed(each, parse(before, each.service))
            yield block(each.service, "\n".join(_lines(served, Scope(each.service))))


def _as_listed(upstream: Upstream, membership: Membership) -> Upstream:
    """``upstream`` with the replicas of ``membership``, from a text in which it was the only service."""
    return replace(
        upstream,
        servers=membership.servers,
        split=membership.split,
        ports=membership.ports,
        port=membership.any_port or upstream.port,
    )


def parse(text: str, service: str = "") -> Membership:
    """The membership of a service in a rendered or default upstreams.conf, from the directives that nginx uses.

    A service that is not in the text has no list. ``service``: may be empty if there is only one. Raises ValueError if
    the text is not such a file.
    """
    generation, any_of = _GENERATION.search(text), _ANY.search(text)
    if generation is None or any_of is None:
        raise ValueError(f"it has no generation or no group {ANY!r}")
    present = blocks(text) or {any_of[1]: text, "": text}
    own = present.get(service, "")
    servers = [(group, *server) for group, lines in _GROUP.findall(own) for server in _SERVER.findall(lines)]
    app, canary = (tuple(name for member_of, name, _ in servers if member_of == group) for group in (APP, CANARY))
    ports = {name: int(port) for _, name, port in servers}
    any_of = _ANY.search(own)
    return Membership(
        generation=int(generation[1]),
        servers=app,
        canary=canary,
        maintenance=closing.read(text),
        text=text,
        ports=ports,
        any_port=int(any_of[2]) if any_of and any_of[2].isdecimal() else None,
        split=parse_split(own, canary),
    )


def is_outdated(membership: Membership, upstream: Upstream) -> bool:
    """Whether the text for ``upstream`` with the same servers differs, because settings have changed."""
    wanted = render(upstream, membership.generation, membership.maintenance, membership.text)
    return membership.text.strip() != wanted.strip()


def switched(text: str, generation: int, maintenance: Maintenance | None) -> str:
    """A rendered text with the site closed or opened, and the same replicas. Raises ValueError."""
    return closing.switched(renumbered(text, generation), maintenance)


def renumbered(text: str, generation: int) -> str:
    """A rendered or default text with another generation."""
    return _GENERATION.sub(f'map "" $videa_generation {{ default {generation}; }}', text, count=1)


def _lines(upstream: Upstream, scope: Scope) -> list[str]:
    """The lines of one service: first the ones that choose a group, then its groups."""
    groups = {APP: upstream.servers} if upstream.servers else {}
    if upstream.split:
        groups[CANARY] = upstream.split.servers
    all_servers = sum(map(len, groups.values()))
    return [
        _route(upstream, groups, scope),
        *(text for group, servers in groups.items() for text in _groups(upstream, group, servers, scope)),
        _group(scope.group(ANY), (f"{upstream.service}:{upstream.port}",), "least_conn", size=all_servers),
    ]


def _route(upstream: Upstream, groups: Mapping[str, tuple[str, ...]], scope: Scope) -> str:
    """The lines that set $videa_upstream and $videa_set_cookie."""
    cookie = upstream.sticky == "cookie" and bool(groups)
    chosen, side = scope.variable("upstream"), scope.variable("side")
    if not cookie and not scope.service:
        side = chosen
    route = f'    map "" {side} {{ default {APP if groups else ANY}; }}\n'
    if upstream.split:
        client = scope.variable(CLIENT) if cookie else "$remote_addr"
        route = render_split(upstream.split, APP, client, side, scope)
    if cookie:
        return route + choice(groups, scope)
    if side != chosen:
        route += f'    map "" {chosen} {{ default {side}{scope.ending}; }}\n'
    return f'{route}\n    map "" {scope.variable("set_cookie")} {{ default ""; }}\n'


def _groups(upstream: Upstream, group: str, servers: tuple[str, ...], scope: Scope) -> list[str]:
    """The upstream blocks of APP or CANARY: one for all replicas or, with sticky cookies, one per replica with backups.

    Clients of a canary that cannot be reached still get an answer: stable replicas are its backups. This does not apply
    to sticky addresses, because nginx's ``hash`` supports no backups. For gRPC, the last resort is also a backup rather
    than the image's location @any: nginx cannot resend the messages of a call that are still arriving.
    """
    split, name = upstream.split, scope.group(group)
    stable = upstream.servers if split and group == CANARY and not split.private else ()
    if upstream.sticky == "cookie":
        return [
            _group(
                f"{name}-{replica_id(server)}",
                (upstream.address(server),),
                backup=tuple(map(upstream.address, (*backups(servers, server), *stable)[:BACKUPS])),
            )
            for server in servers
        ]
    backup = stable if upstream.sticky == "none" else ()
    addresses, backup = tuple(map(upstream.address, servers)), tuple(map(upstream.address, backup))
    if upstream.grpc and not (split and group == CANARY and split.private):
        backup += (f"{upstream.service}:{upstream.port}",)
    return [_group(name, addresses, _METHODS[upstream.sticky], backup)]


def _zone(servers: int) -> str:
    """The size of a group's shared memory, a power of 2 so that it rarely changes."""
    return f"{max(512, 1 << (servers * KIB_PER_SERVER - 1).bit_length())}k"


def _group(name: str, addresses: tuple[str, ...], method: str = "", backup: tuple[str, ...] = (), size: int = 0) -> str:
    """``size``: number of servers to allow for, if more than the addresses."""
    size = max(size, len(addresses) + len(backup))
    lines = "".join(f"        server {address} {SERVER_OPTIONS};\n" for address in addresses)
    lines += "".join(f"        server {address} {SERVER_OPTIONS} backup;\n" for address in backup)
    lines += f"        {NEVER_ALONE}\n" if method == "least_conn" else ""
    return (
        f"    upstream {name} {{\n"
        f"        zone {name} {_zone(size) if method else '128k'};\n"
        + (f"        {method};\n" if method else "")
        + f"{lines}"
        # Shorter than the backend's keep-alive timeout (75 s): otherwise nginx may use a connection that it has closed.
        "        keepalive 64;\n"
        "        keepalive_requests 10000;\n"
        "        keepalive_timeout 60s;\n"
        "    }\n"
    )
