"""The published ports of a service, rewritten for the balancer that takes them over. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ops.adopt.routes import INSIDE

_VARIABLE = re.compile(r"\$\{[^{}]*(?:\$\{[^{}]*\}[^{}]*)*\}|\$\w+")
_RANGE = re.compile(r"(\d{1,5})-(\d{1,5})")
MOST = 32
"""Maximum ports of a range that the balancer publishes one by one."""


def moved(
    written: Sequence[object], merged: Sequence[Mapping[str, Any]], port: int, replicas: int = 1
) -> tuple[tuple[object, ...], tuple[str, ...]]:
    """The balancer's ports, which replace those that lead to ``port``, and the ports that are no longer published.

    ``written``: the entries without interpolation, so that variables stay; ``merged``: the same with interpolation;
    ``replicas``: the current number; if the entry is a range, each replica has its own port.
    """
    paired = (
        list(zip(written, merged, strict=True)) if len(written) == len(merged) else [(each, each) for each in merged]
    )
    taken = [
        _for_balancer(*each)
        for entry, values in paired
        if _leads_to(values, port)
        for each in _each_of(entry, values, replicas)
    ]
    left = [_shown(values) for values in merged if not _leads_to(values, port)]
    return tuple(taken), tuple(left)


def _leads_to(port: Mapping[str, Any], target: int) -> bool:
    return int(port["target"]) == target and port.get("protocol", "tcp") == "tcp"


def _each_of(entry: object, values: Mapping[str, Any], replicas: int) -> list[tuple[object, Mapping[str, Any]]]:
    """The ports of a range one by one: clients may use any port that a replica has had."""
    span = _RANGE.fullmatch(str(values.get("published") or ""))
    if not span or replicas < 2:
        return [(entry, values)]
    ports = range(int(span[1]), int(span[2]) + 1)[:MOST]
    return [(each, each) for each in ({**values, "published": str(number)} for number in ports)]


def _for_balancer(entry: object, values: Mapping[str, Any]) -> object:
    if isinstance(entry, str):
        masked = _VARIABLE.sub(lambda match: "#" * len(match[0]), entry)
        place = masked.rfind(":") + 1
        if entry[place:].removesuffix("/tcp") == str(values["target"]) or (place and set(masked[place:]) == {"#"}):
            return f"{entry[:place]}{INSIDE}"
    long = entry if isinstance(entry, dict) else values
    host, published = str(long.get("host_ip") or ""), str(long.get("published") or "")
    if long.get("mode") == "host":
        given = {"published": published, "host_ip": host}
        return {"target": INSIDE, **{key: value for key, value in given.items() if value}, "mode": "host"}
    address = f"[{host}]" if ":" in host else host
    return ":".join(filter(None, (address, published, str(INSIDE))))


def _shown(port: Mapping[str, Any]) -> str:
    outside = f"{port['published']}:" if port.get("published") else ""
    return f"{outside}{port['target']}" + ("/udp" if port.get("protocol") == "udp" else "")
