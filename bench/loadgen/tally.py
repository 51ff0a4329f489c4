"""Counts the results: every sent request has exactly one result, so the sums of the report are consistent."""

from __future__ import annotations

import statistics
from array import array
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

_TIMELINE_LIMIT = 2000
OK = "ok"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed request. `at`: Unix time of the verdict; `waited_ms`: since it was due."""

    at: float
    method: str
    kind: str
    reused: bool
    waited_ms: float
    detail: str


@dataclass(slots=True)
class MethodTally:
    """Figures of one method; the arrays hold seconds, one entry for each answered request."""

    sent: int = 0
    ok: int = 0
    retried: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    latency: array[float] = field(default_factory=lambda: array("d"))
    service: array[float] = field(default_factory=lambda: array("d"))


@dataclass(slots=True)
class _Second:
    ok: int = 0
    failed: int = 0
    slowest: float = 0.0


class Tally:
    """Collects results. The caller provides the clocks: `started` is Unix time, `now` seconds since then."""

    def __init__(self, started: float) -> None:
        self.started = started
        self.methods: dict[str, MethodTally] = {}
        self.failures: list[Failure] = []
        self.not_sent = 0
        self.opened = 0
        self.closed_idle = 0
        self.closed_by_answer = 0
        self._seconds: dict[int, _Second] = {}

    def of(self, method: str) -> MethodTally:
        """The figures of a method, created on first use."""
        return self.methods.setdefault(method, MethodTally())

    def succeed(self, method: str, now: float, latency: float, service: float) -> None:
        """Count a complete 2xx answer. Seconds: `latency` from the due time, `service` from the write."""
        tally = self.of(method)
        tally.ok += 1
        tally.latency.append(latency)
        tally.service.append(service)
        second = self._second(now)
        second.ok += 1
        second.slowest = max(second.slowest, latency)

    def fail(self, method: str, kind: str, now: float, latency: float, *, reused: bool, detail: str = "") -> None:
        """Count a request that did not get its complete 2xx answer."""
        self.of(method).failed[kind] += 1
        second = self._second(now)
        second.failed += 1
        second.slowest = max(second.slowest, latency)
        if len(self.failures) < _TIMELINE_LIMIT:
            at = self.started + now
            self.failures.append(Failure(at, method, kind, reused, round(latency * 1000, 1), detail))

    def latencies(self) -> list[float]:
        """Latencies of all answered requests, in milliseconds since they were due."""
        return [round(value * 1000, 2) for tally in self.methods.values() for value in tally.latency]

    def _second(self, now: float) -> _Second:
        key = int(now)
        entry = self._seconds.get(key)
        if entry is None:
            entry = self._seconds[key] = _Second()
        return entry

    def report(self, seconds: float) -> dict[str, Any]:
        """All figures as JSON-ready values; times in milliseconds unless the name says otherwise."""
        kinds: Counter[str] = Counter()
        latency, service = array("d"), array("d")
        for tally in self.methods.values():
            kinds.update(tally.failed)
            latency.extend(tally.latency)
            service.extend(tally.service)
        sent = sum(tally.sent for tally in self.methods.values())
        ok = sum(tally.ok for tally in self.methods.values())
        return {
            "started": self.started,
            "seconds": round(seconds, 3),
            "sent": sent,
            "ok": ok,
            "failed": kinds.total(),
            "not_sent": self.not_sent,
            "unaccounted": sent - ok - kinds.total(),
            "retried": sum(tally.retried for tally in self.methods.values()),
            "rate": round(ok / seconds, 1) if seconds else 0.0,
            "failed_by_kind": dict(kinds),
            "latency_ms": spread(latency),
            "service_ms": spread(service),
            "methods": {name: _method_report(tally) for name, tally in sorted(self.methods.items())},
            "connections": {
                "opened": self.opened,
                "closed_idle_by_server": self.closed_idle,
                "closed_after_answer": self.closed_by_answer,
            },
            "timeline": [
                {"second": key, "ok": s.ok, "failed": s.failed, "slowest_ms": round(s.slowest * 1000, 2)}
                for key, s in sorted(self._seconds.items())
            ],
            "failures": [asdict(failure) for failure in self.failures],
            "failures_left_out": kinds.total() - len(self.failures),
        }


def _method_report(tally: MethodTally) -> dict[str, Any]:
    return {
        "sent": tally.sent,
        "ok": tally.ok,
        "failed": tally.failed.total(),
        "failed_by_kind": dict(tally.failed),
        "retried": tally.retried,
        "latency_ms": spread(tally.latency),
    }


def spread(seconds: array[float]) -> dict[str, float]:
    """Mean, percentiles (nearest rank) and maximum in milliseconds of times in seconds; {} when empty."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    last = len(ordered) - 1
    figures = {"mean": statistics.fmean(ordered)}
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)):
        figures[name] = ordered[min(last, int(share * len(ordered)))]
    figures["max"] = ordered[-1]
    return {name: round(value * 1000, 3) for name, value in figures.items()}
