"""A canary's share of the requests, as nginx configuration: random, by client, or chosen by a tester."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ops.balancer.scope import ALONE, CANARY, Scope
from ops.traffic import TrafficSplit

HEADER, COOKIE = "X-Videa-Canary", "videa_canary"
"""A tester's header or cookie. Its value is the project's key for the canary, or the key with ".never" for stable."""

KEY_VARIABLE = "TESTER_KEY"
"""The variable of nginx's container with the project's key."""

TESTERS = "/tmp/nginx/testers.conf"  # noqa: S108 (in nginx's container)
"""Lines of a map from the key to a group, written by start.sh. Empty without a key: then nobody can choose."""

_ASKED = f'"$http_{HEADER.lower().replace("-", "_")}:$cookie_{COOKIE}"'
_INCLUDE = "include /tmp/nginx/testers*.conf;"
"""A pattern, because containers of older images have no such file."""
_VALID_KEY = re.compile(r"[A-Za-z0-9_-]{16,}")

_ALL = re.compile(rf'map "" \$videa_arm\w* \{{ default {CANARY}; \}}')
_SHARE = re.compile(rf"split_clients \$videa_key\w* \$videa_arm\w* \{{ ([\d.]+)% {CANARY}; ")
_KEY = re.compile(r'map \$(\w+) \$videa_key\w* \{ default \$\w+; "" \$request_id; \}')
_TOKEN = re.compile(rf'"~\^(\w+):" {CANARY};')
_PUBLIC_TOKEN = "always"  # noqa: S105
"""The token in every public split written by older versions of videa."""


def render(split: TrafficSplit, stable: str, client: str, chosen: str = "$videa_upstream", scope: Scope = ALONE) -> str:
    """The lines that set ``chosen`` to ``stable`` or CANARY. ``client``: nginx's variable for "client"."""
    if split.private:
        return _by_value(chosen, stable, f'"~^{split.token}:" {CANARY};')
    kind, _, name = split.by.partition(":")
    variable = {"request": "$request_id", "client": client}.get(kind) or f"${_variable(kind, name)}"
    key, arm = scope.variable("key"), scope.variable("arm")
    keyed = f'    map "" {key} {{ default $request_id; }}\n'
    if kind != "request":
        keyed = f'    map {variable} {key} {{ default {variable}; "" $request_id; }}\n'
    share = f"{split.percent:.2f}% {CANARY}; " if split.percent >= 0.01 else ""
    chance = f"    split_clients {key} {arm} {{ {share}* {stable}; }}\n"
    if split.percent >= 100:
        chance = f'    map "" {arm} {{ default {CANARY}; }}\n'
    return f"{keyed}{chance}{_by_value(chosen, arm, _INCLUDE)}"


def parse(text: str, servers: tuple[str, ...]) -> TrafficSplit | None:
    """The split in a rendered text; None without one. ``servers``: the replicas of its canary.

    A header's name is in lower case, as in nginx's variable.
    """
    token = _TOKEN.search(text)
    if not servers or (token is None and _INCLUDE not in text):
        return None
    if token and token[1] != _PUBLIC_TOKEN:
        return TrafficSplit(servers, 0, token=token[1])
    share, key = _SHARE.search(text), _KEY.search(text)
    percent = 100.0 if _ALL.search(text) else float(share[1]) if share else 0.0
    return TrafficSplit(servers, percent, _by(key[1]) if key else "request")


def canary_header(environment: Mapping[str, object]) -> str | None:
    """The header by which a tester reaches the canary; None without a key. ``environment``: of nginx's service."""
    key = str(environment.get(KEY_VARIABLE) or "")
    return f"{HEADER}: {key}" if _VALID_KEY.fullmatch(key) else None


def _by_value(chosen: str, default: str, line: str) -> str:
    """The map that sets ``chosen`` according to the value of a request's header or cookie."""
    return f"    map {_ASKED} {chosen} {{\n        default {default};\n        {line}\n    }}\n"


def _by(variable: str) -> str:
    kind, _, name = variable.partition("_")
    return {"cookie": f"cookie:{name}", "http": f"header:{name.replace('_', '-')}"}.get(kind, "client")


def _variable(kind: str, name: str) -> str:
    return f"cookie_{name}" if kind == "cookie" else f"http_{name.lower().replace('-', '_')}"
