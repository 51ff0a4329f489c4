"""The share of requests that a canary gets, as text for nginx: by chance, by client, or as a tester asks for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

CANARY = "canary"
"""The upstream group of the replicas that are tried out."""

HEADER, COOKIE = "X-Videa-Canary", "videa_canary"
"""What a tester sends: the split's token to be served by the canary, NEVER to be kept away from it."""

ALWAYS, NEVER = "always", "never"

_BY = re.compile(r"request|client|cookie:[A-Za-z0-9_]+|header:[A-Za-z0-9-]+")
_TOKEN = re.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class TrafficSplit:
    """``percent`` of the requests go to ``servers``, the others to the replicas of before.

    ``by``: what decides. "request": chance, each time; "client", "cookie:NAME" or "header:NAME": always the same side
    for the same value, and whoever is with the canary stays there when its share grows; requests without that cookie or
    header go by chance. ``token``: the header's or cookie's value that leads to the canary whatever its share.
    Raises ValueError.
    """

    servers: tuple[str, ...]
    percent: float
    by: str = "request"
    token: str = ALWAYS

    def __post_init__(self) -> None:
        if not self.servers:
            raise ValueError("a split needs replicas to split to")
        if not 0 <= self.percent <= 100:
            raise ValueError(f"not a share: {self.percent}")
        if not is_key(self.by) or not _TOKEN.fullmatch(self.token) or self.token == NEVER:
            raise ValueError(f"not a key or token for nginx: {self.by!r}, {self.token!r}")

    @property
    def private(self) -> bool:
        """Whether only who knows the token gets to the canary: it is tried out, and nobody else may answer for it."""
        return self.token != ALWAYS

    def render(self, stable: str, client: str, chosen: str = "$videa_upstream") -> str:
        """The lines that set ``chosen`` to ``stable`` or CANARY. ``client``: nginx's variable for "client"."""
        kind, _, name = self.by.partition(":")
        variable = {"request": "$request_id", "client": client}.get(kind) or f"${_variable(kind, name)}"
        key = '    map "" $videa_key { default $request_id; }\n'
        if kind != "request":
            key = f'    map {variable} $videa_key {{ default {variable}; "" $request_id; }}\n'
        share = f"{self.percent:.2f}% {CANARY}; " if self.percent >= 0.01 else ""
        chance = f"    split_clients $videa_key $videa_arm {{ {share}* {stable}; }}\n"
        if self.percent >= 100:
            chance = f'    map "" $videa_arm {{ default {CANARY}; }}\n'
        return (
            f"{key}{chance}"
            f'    map "$http_{HEADER.lower().replace("-", "_")}:$cookie_{COOKIE}" {chosen} {{\n'
            "        default $videa_arm;\n"
            f'        "~^{self.token}:" {CANARY};\n'
            f'        "~^{NEVER}:" {stable};\n'
            f'        "~^:{self.token}$" {CANARY};\n'
            f'        "~^:{NEVER}$" {stable};\n'
            "    }\n"
        )


def is_key(by: str) -> bool:
    """Whether a split can go by this."""
    return _BY.fullmatch(by) is not None


def _variable(kind: str, name: str) -> str:
    return f"cookie_{name}" if kind == "cookie" else f"http_{name.lower().replace('-', '_')}"
