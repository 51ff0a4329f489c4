"""Several services behind one nginx, as text: the routing of requests, and a block of upstreams.conf per service.

The routing is rewritten at every change, from the routes of all services. A block contains everything that belongs to
one service: its groups, its split and its cookie. A change of one service copies the other blocks unchanged. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ops.balancer.scope import Scope
from ops.contract import METRICS
from ops.route import Route

SERVICE = "$videa_service"
"""The variable with the ending of the service that gets a request."""

_BLOCK = re.compile(r"    # service (\S+)\n.*?    # end of service \1\n", re.DOTALL)


def block(service: str, lines: str) -> str:
    """The block of a service."""
    return f"    # service {service}\n{lines}    # end of service {service}\n"


def blocks(text: str) -> dict[str, str]:
    """Service -> its block; empty for a text with only one service."""
    return {found[1]: found[0] for found in _BLOCK.finditer(text)}


def routing(routes: Mapping[str, Route]) -> str:
    """The lines that choose the service of a request. A request that matches no route gets nginx's own 404.

    $videa_service is the suffix of the service's groups. nginx uses the first regular expression that matches the
    normalized path; a prefix is stripped from the path as the client sent it.
    """
    ordered = sorted(routes.items(), key=lambda entry: entry[1].precedence, reverse=True)
    chosen = next((Scope(name).ending for name, route in ordered if route.everything), "")
    matches = "".join(_match(Scope(name).ending, route) for name, route in ordered if not route.everything)
    cuts = "".join(_cut(Scope(name).ending, route.path) for name, route in ordered if route.strip and route.path)
    scopes = [Scope(name) for name in sorted(routes)]
    upstreams = "".join(f'        "{each.ending}" {each.variable("upstream")}$videa_path;\n' for each in scopes)
    cookies = "".join(f'        "{each.ending}" {each.variable("set_cookie")};\n' for each in scopes)
    return (
        f'    map "$host$uri" $videa_service {{\n        default "{chosen}";\n{matches}    }}\n'
        f'    map "$videa_service$request_uri" $videa_path {{\n        default "";\n{cuts}    }}\n'
        f'    map $videa_service $videa_upstream {{\n        default "";\n{upstreams}    }}\n'
        '    map "" $videa_any { default any$videa_service$videa_path; }\n'
        f'\n    map $videa_service $videa_set_cookie {{\n        default "";\n{cookies}    }}\n'
    )


def _match(ending: str, route: Route) -> str:
    host = re.escape(route.host).replace(r"\*", "[^/]+") if route.host else "[^/]*"
    path = re.escape(route.path)
    # The image blocks this path only at the root of the site.
    closed = f'        "~^{host}{path}{re.escape(METRICS.partition("?")[0])}" "";\n' if route.strip and path else ""
    return f'{closed}        "~^{host}{path}(/|$)" "{ending}";\n'


def _cut(ending: str, path: str) -> str:
    prefix = re.escape(ending + path)
    return (
        f'        "~^{prefix}(?<videa_below>/.*)$" $videa_below;\n'
        f'        "~^{prefix}(?<videa_query>\\?.*)?$" /$videa_query;\n'
    )
