"""The share of requests that a canary gets, as text for nginx: by chance, by client, or as a tester asks for it."""

from __future__ import annotations

import re

from ops.traffic import NEVER, TrafficSplit

CANARY = "canary"
"""The upstream group of the replicas that are tried out."""

HEADER, COOKIE = "X-Videa-Canary", "videa_canary"
"""What a tester sends: the split's token to be served by the canary, NEVER to be kept away from it."""

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
    """The split that a rendered text has; None without one. ``servers``: the replicas of its canary.

    A header's name comes back in small letters, as nginx has it.
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
