"""A canary's share of the requests, as text for nginx: random, by client, or on a tester's request."""

from __future__ import annotations

from ops.traffic import NEVER, TrafficSplit

CANARY = "canary"
"""The upstream group of the canary replicas."""

HEADER, COOKIE = "X-Videa-Canary", "videa_canary"
"""A tester's header or cookie. Its value is the split's token for the canary, or NEVER for the stable replicas."""


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
        chance = f'    map "" $videa_arm {{ default {CANARY}; }}\n'
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


def _variable(kind: str, name: str) -> str:
    return f"cookie_{name}" if kind == "cookie" else f"http_{name.lower().replace('-', '_')}"
