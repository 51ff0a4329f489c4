"""Which requests a proxy sends to each service: its labels and variables, or nginx's configuration. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.project.mappings import as_mapping
from ops.route import Route

_RULE = re.compile(r"traefik\.http\.routers\.([^.]+)\.rule")
_MATCHER = re.compile(r"(\w+)\(([^()]*)\)")
_STRIP = re.compile(r"traefik\.http\.middlewares\.([^.]+)\.stripprefix\.prefixes", re.IGNORECASE)
_TOKEN = re.compile(r"""[{};]|"[^"]*"|'[^']*'|[^\s{};]+""")
_TARGET = re.compile(r"(?:https?|grpcs?)://(?P<host>[\w.-]+)(?::\d+)?(?P<path>/.*)?")
_ANY_HOST = frozenset({"_", "localhost", "default", '""', "''", ""})


@dataclass(frozen=True, slots=True)
class Unknown:
    """A rule that a host and a path cannot express. ``rule``: as written."""

    rule: str


@dataclass
class Block:
    """A block of an nginx configuration: its name and parameters, its directives, and its nested blocks."""

    words: tuple[str, ...] = ()
    directives: list[tuple[str, ...]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)


def labelled(spec: Mapping[str, Any]) -> tuple[Route | Unknown, ...]:
    """The routes in a service's labels for Traefik or Caddy, or variables for nginx-proxy; empty if there are none."""
    labels = {name: str(value) for name, value in as_mapping(spec.get("labels")).items()}
    environment = as_mapping(spec.get("environment"))
    return (*_traefik(labels), *_caddy(labels), *_virtual(environment))


def configured(text: str, names: Mapping[str, str]) -> Iterator[tuple[str, Route | Unknown]]:
    """(service, the requests that it gets) in an nginx configuration. ``names``: DNS name -> service."""
    top = _parse(text)
    upstreams = _upstreams(top, names)
    for server in (block for block in _all(top) if block.words[:1] == ("server",)):
        hosts = [name for words in server.directives if words[0] == "server_name" for name in words[1:]] or [""]
        for location in (block for block in _all(server) if block.words[:1] == ("location",)):
            for words in location.directives:
                target = _TARGET.fullmatch(words[-1]) if words[0] in ("proxy_pass", "grpc_pass") else None
                service = target and {**names, **upstreams}.get(target["host"])
                if target and service:
                    for host in hosts:
                        yield service, _located(host, location, target["path"] or "")


def by_fastcgi(text: str, names: Mapping[str, str]) -> Iterator[str]:
    """The services to which an nginx configuration passes requests by FastCGI, uWSGI or SCGI. See ``configured``."""
    top = _parse(text)
    known = {**names, **_upstreams(top, names)}
    for block in _all(top):
        for words in block.directives:
            if words[0] in ("fastcgi_pass", "uwsgi_pass", "scgi_pass") and len(words) > 1:
                host = words[1].partition("://")[2].partition(":")[0] or words[1].partition(":")[0]
                if host in known:
                    yield known[host]


def one(found: Iterable[Route | Unknown]) -> Route | None:
    """The single route that covers all of them; None if no route can express it."""
    every = tuple(dict.fromkeys(found))
    routes = [route for route in every if isinstance(route, Route)]
    if not routes or len(routes) < len(every) or len({route.strip for route in routes}) > 1:
        return None
    shortest = min(routes, key=lambda route: len(route.path))
    if not all(f"{route.path}/".startswith(f"{shortest.path}/") for route in routes) or (
        shortest.strip and len({route.path for route in routes}) > 1
    ):
        return None
    hosts = {route.host for route in routes}
    return Route(shortest.host if len(hosts) == 1 else "", shortest.path, shortest.strip)


def read(text: str) -> Route:
    """Parses a route as typed: "/api", "shop.example", "shop.example/api" or "/api,strip". Raises ValueError."""
    place, comma, option = text.partition(",")
    if comma and option != "strip":
        raise ValueError(f"{option!r} is not strip")
    host, slash, path = place.partition("/")
    return Route(host.lower(), f"{slash}{path}".rstrip("/"), bool(comma))


def _traefik(labels: Mapping[str, str]) -> Iterator[Route | Unknown]:
    stripping = {name[1] for label in labels if (name := _STRIP.fullmatch(label))}
    for label, rule in labels.items():
        if not (router := _RULE.fullmatch(label)):
            continue
        middlewares = labels.get(f"traefik.http.routers.{router[1]}.middlewares", "")
        strip = any(name.strip().partition("@")[0] in stripping for name in middlewares.split(","))
        for part in rule.split("||"):
            values = {name: _quoted(text) for name, text in _MATCHER.findall(part)}
            if set(values) - {"Host", "PathPrefix"} or "!" in part or not values:
                yield Unknown(rule)
                continue
            for host in values.get("Host", [""]):
                for path in values.get("PathPrefix", [""]):
                    yield route_of(host, path, strip and bool(path.strip("/")), rule)


def _caddy(labels: Mapping[str, str]) -> Iterator[Route | Unknown]:
    for label, sites in labels.items():
        if not re.fullmatch(r"caddy(_\d+)?", label):
            continue
        handled = {name.removeprefix(f"{label}."): value for name, value in labels.items() if name.startswith(label)}
        paths = [(value, name == "handle_path") for name, value in handled.items() if name in ("handle", "handle_path")]
        for site in sites.replace(",", " ").split():
            host = re.sub(r"^https?://|:\d+$", "", site)
            for path, strip in paths or [("", False)]:
                yield route_of(host, path.removesuffix("*"), strip, f"{label}: {sites}")


def _virtual(environment: Mapping[str, Any]) -> Iterator[Route | Unknown]:
    path = str(environment.get("VIRTUAL_PATH") or "")
    strip = environment.get("VIRTUAL_DEST") == "/" and bool(path.strip("/"))
    for host in filter(None, str(environment.get("VIRTUAL_HOST") or "").replace(" ", "").split(",")):
        yield route_of(host, path, strip, f"VIRTUAL_HOST={host}")


def _located(host: str, location: Block, target: str) -> Route | Unknown:
    """The requests of an nginx location that proxies to the path ``target``."""
    shown = f"{' '.join(location.words)} of {host or 'every host'}"
    path = location.words[-1]
    rewritten = any(words[0] == "rewrite" for words in location.directives)
    if len(location.words) == 3 and location.words[1] != "^~":  # a regular expression, or an exact match
        return Unknown(shown)
    if rewritten or target not in ("", "/", path):
        return Unknown(shown)
    return route_of("" if host in _ANY_HOST else host, path, target == "/" != path, shown)


def route_of(host: str, path: str, strip: bool, rule: str) -> Route | Unknown:
    """A route; Unknown if x-videa.route cannot express the host or the path."""
    try:
        return Route(host.lower(), path.rstrip("/"), strip)
    except ValueError:
        return Unknown(rule)


def _quoted(text: str) -> list[str]:
    return [value.strip(" `'\"") for value in text.split(",")]


def _upstreams(top: Block, names: Mapping[str, str]) -> dict[str, str]:
    """Upstream name -> service."""
    return {
        block.words[1]: names[host]
        for block in _all(top)
        if block.words[:1] == ("upstream",) and len(block.words) > 1
        for words in block.directives
        if words[0] == "server" and len(words) > 1 and (host := words[1].partition(":")[0]) in names
    }


def _parse(text: str) -> Block:
    """The blocks of an nginx configuration. An unclosed block ends at the end of the text."""
    top = Block()
    open_blocks, words = [top], list[str]()
    for part in _TOKEN.findall(re.sub(r"(?m)(^|\s)#.*$", "", text)):
        if part == ";":
            if words:
                open_blocks[-1].directives.append(tuple(words))
            words = []
        elif part == "{":
            block = Block(tuple(words))
            open_blocks[-1].blocks.append(block)
            open_blocks.append(block)
            words = []
        elif part == "}":
            words = []
            if len(open_blocks) > 1:
                open_blocks.pop()
        else:
            words.append(part)
    return top


def _all(block: Block) -> Iterator[Block]:
    for each in block.blocks:
        yield each
        yield from _all(each)
