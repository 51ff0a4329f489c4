"""Which requests a Caddyfile sends to each service. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ops.adopt.requests import Unknown, route_of
from ops.route import Route

_HANDLERS = ("handle", "handle_path", "route", "reverse_proxy")


def caddy_routes(text: str, names: Mapping[str, str]) -> Iterator[tuple[str, Route | Unknown]]:
    """(service, the requests that it gets). ``names``: DNS name -> service.

    https://caddyserver.com/docs/caddyfile/concepts#structure
    """
    blocks: list[list[str]] = []
    sites: list[str] = []  # a single site without braces has its addresses on the first line
    for line in text.splitlines():
        words = re.sub(r"(^|\s)#.*", "", line).split()
        opens = words[-1:] == ["{"]
        if words == ["}"]:
            if blocks:
                blocks.pop()
            continue
        if words and not blocks and words[0] not in _HANDLERS:
            sites = words[: -1 if opens else None]
        if words[:1] == ["reverse_proxy"]:
            yield from _proxied(words[1 : -1 if opens else None], blocks, sites, names)
        if opens:
            blocks.append(words[:-1])


def _proxied(
    arguments: list[str], blocks: list[list[str]], sites: list[str], names: Mapping[str, str]
) -> Iterator[tuple[str, Route | Unknown]]:
    matcher = arguments[:1] if arguments[:1] and re.match(r"[/@*]", arguments[0]) else []
    around = [block for block in blocks if block[:1] and block[0] in _HANDLERS]
    matchers = [*matcher, *(word for block in around for word in block[1:])]
    strip = any(block[0] == "handle_path" for block in around)
    hosts = [re.sub(r"^https?://|:\d+$", "", site.rstrip(",")) for site in sites]
    for upstream in arguments[len(matcher) :]:
        service = names.get(re.sub(r"^\w+://", "", upstream).partition(":")[0])
        if service:
            for host in hosts or [""]:
                yield service, _route(host, [each for each in matchers if each != "*"], strip)


def _route(host: str, matchers: list[str], strip: bool) -> Route | Unknown:
    shown = f"{' '.join(matchers)} of {host or 'every host'}"
    if len(matchers) > 1 or (matchers and not re.fullmatch(r"/[^*]*/\*|/[^*]*\*", matchers[0])):
        return Unknown(shown)  # a named matcher, one path, or several
    path = matchers[0].rstrip("*") if matchers else ""
    return route_of(host, path, strip and bool(path.strip("/")), shown)
