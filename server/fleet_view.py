"""The fleet for the dashboard: text and colours instead of raw figures. Pure."""

from __future__ import annotations

from typing import Any

_SLOW_MS = 100.0
_MANY_ERRORS = 0.01


def fleet_view(instances: list[dict[str, Any]], now: float, unreadable: list[str]) -> dict[str, Any]:
    """Rows and totals; now: unix time; unreadable: instances whose heartbeat was skipped.

    Each cell is `[text, class]` with the class good, warn, bad, quiet or none."""
    return {
        "total": {
            "instances": str(len(instances)),
            "requests/s": f"{sum(item['requests']['per_second'] for item in instances):.1f}",
            "errors": str(sum(item["requests"]["server_errors"] for item in instances)),
            "memory": _mebibytes(sum(item["memory"]["rss"] for item in instances)),
            "connections": f"{sum(item['pool']['size'] for item in instances)} of "
            f"{sum(item['pool']['limit'] for item in instances)}",
            "unreadable": str(len(unreadable)),
        },
        "rows": [_row(item, now) for item in instances],
    }


def _row(item: dict[str, Any], now: float) -> dict[str, list[str]]:
    requests, pool, limiter = item["requests"], item["pool"], item["limiter"]
    p95, rate = requests["p95_ms"], requests["server_error_rate"]
    silent = now - item["seen"]
    health = ["silent", "bad"] if silent > 6 else [item["status"], "good" if item["status"] == "serving" else "warn"]
    waiting = f", {pool['waiting']} waiting" if pool["waiting"] else ""
    return {
        "Instance": [item["id"], ""],
        "Release": [item["release"], ""],
        "Health": health,
        "Up": [_duration(now - item["started"]), "quiet"],
        "Requests/s": [f"{requests['per_second']:.1f}", ""],
        "p95": ["-", "quiet"] if p95 is None else [f"{p95:.1f} ms", "warn" if p95 > _SLOW_MS else ""],
        "Errors": [f"{rate * 100:.2f} %", "bad" if rate > _MANY_ERRORS else "warn" if rate else ""],
        "Memory": [_mebibytes(item["memory"]["rss"]), ""],
        "Pool": [f"{pool['size'] - pool['idle']} of {pool['limit']}{waiting}", "bad" if pool["waiting"] else ""],
        "Limits": [limiter["mode"], "bad" if limiter["mode"] == "local" else ""],
        "Refused/min": [str(limiter["refused_last_minute"]), ""],
    }


def _mebibytes(size: int) -> str:
    return f"{size / 1_048_576:.0f} MiB"


def _duration(seconds: float) -> str:
    total = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if total >= size:
            return f"{total // size} {unit}"
    return f"{total} s"
