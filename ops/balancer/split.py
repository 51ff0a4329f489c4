"""A canary's share of the requests, as text for nginx: random, by client, or on a tester's request."""

from __future__ import annotations

import re

from ops.traffic import NEVER, TrafficSplit

CANARY = "canary"
"""The upstream group of the canary replicas."""

HEADER, COOKIE = "X-Videa-Canary", "videa_canary"
"""A tester's header or cookie. Its value is the split's token for the canary, or NEVER for the stable replicas."""

_ALL = f'map "" $videa_arm {{ default {CANARY}; }}'
_SHARE = re.compile(rf"split_clients \$videa_key \$videa_arm \{{ ([\d.]+)% {CANARY}; ")
_KEY = re.compile(r'map \$(\w+) \$videa_key \{ default \$\w+; "" \$request_id; \}')
_TOKEN = re.compile(rf'"~\^(\w+):" {CANARY};')


def render(split: TrafficSplit, stable: str, client: str, chosen: str = "$videa_upstream") -> str:
    """The lines that set ``chosen`` to ``stable`` or CANARY. ``client``: nginx's variable for "client"."""
    kind, _, name = split.by.partition(":")
    variable = {"request": "$request_id", "client": client}.get(kind) or f"${_variable(kind, name)}"
    key = '    map "" $videa_key { default $request_id; }\n'
    if kind != "request":
        key = f'    map {variable} $videa_key {{ default {variable}; "" $request_id; }}\n'
    share = f"{split.percent:.2f}% {CANARY}; " if split.percent >= 0.01 else ""
    chance = f"    split_clients $videa_key $videa_arm {{ {share}* {stable}; }}\n"
    if split.percent >= 100:
        chance = f"    {_ALL}\n"
    return (
        f"{key}{chance}"
        f'    map "$http_{HEADER.lower().replace("-", "_")}:$cookie_{COOKIE}" {chosen} {{\n'
        "        default $videa_arm;\n"
        f'        "~^{split.token}:" {CANARY};\n'
        f'        "~^{NEVER}:" {stable};\n'
        f'        "~^:{split.token}$" {CANARY};\n'
        f'        "~^:{NEVER}$" {stable};\n'
        "    }\n"
    )


def parse(text: str, servers: tuple[str, ...]) -> TrafficSplit | None:
    """The split in a rendered text; None without one. ``servers``: the replicas of its canary.

    A header's name is in lower case, as in nginx's variable.
    """
    token = _TOKEN.search(text)
    if not servers or token is None:
        return None
    share, key = _SHARE.search(text), _KEY.search(text)
    percent = 100.0 if _ALL in text else float(share[1]) if share else 0.0
    return TrafficSplit(servers, percent, _by(key[1]) if key else "request", token[1])


def _by(variable: str) -> str:
    kind, _, name = variable.partition("_")
    return {"cookie": f"cookie:{name}", "http": f"header:{name.replace('_', '-')}"}.get(kind, "client")


def _variable(kind: str, name: str) -> str:
    return f"cookie_{name}" if kind == "cookie" else f"http_{name.lower().replace('-', '_')}"
