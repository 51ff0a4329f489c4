"""The published ports of a service, written for the balancer that takes them over. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ops.adopt.routes import INSIDE

_BRACED = re.compile(r"\$\{[^{}]*(?:\$\{[^{}]*\}[^{}]*)*\}")


def moved(
    written: Sequence[object], merged: Sequence[Mapping[str, Any]], port: int
) -> tuple[tuple[object, ...], tuple[str, ...]]:
    """The ports of the balancer for those that lead to ``port``, and the other ones, which nobody publishes any more.

    ``written``: the entries without interpolation, so that variables stay; ``merged``: the same after it.
    """
    paired = (
        list(zip(written, merged, strict=True)) if len(written) == len(merged) else [(each, each) for each in merged]
    )
    taken = [_for_balancer(entry, values) for entry, values in paired if _leads_to(values, port)]
    left = [_shown(values) for values in merged if not _leads_to(values, port)]
    return tuple(taken), tuple(left)


def _leads_to(port: Mapping[str, Any], target: int) -> bool:
    return int(port["target"]) == target and port.get("protocol", "tcp") == "tcp"


def _for_balancer(entry: object, values: Mapping[str, Any]) -> object:
    if isinstance(entry, str):
        masked = _BRACED.sub(lambda match: "#" * len(match[0]), entry)
        place = masked.rfind(":") + 1
        if entry[place:].removesuffix("/tcp") == str(values["target"]):
            return f"{entry[:place]}{INSIDE}"
    long = entry if isinstance(entry, dict) else values
    host, published = str(long.get("host_ip") or ""), str(long.get("published") or "")
    if long.get("mode") == "host":
        return {"target": INSIDE, "published": published, "mode": "host"}
    address = f"[{host}]" if ":" in host else host
    return ":".join(filter(None, (address, published, str(INSIDE))))


def _shown(port: Mapping[str, Any]) -> str:
    outside = f"{port['published']}:" if port.get("published") else ""
    return f"{outside}{port['target']}" + ("/udp" if port.get("protocol") == "udp" else "")
