"""Proof that no request was lost: what nginx logged and what probes through it saw while an operation ran."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field

from ops.balancer.access_log import Line, Lines, parse
from ops.balancer.prober import Prober
from ops.balancer.recent import OWN_IDS
from ops.errors import EngineError
from ops.platform.ports import Gateway, Stream

SAMPLE = 10
"""How many failed requests are kept with all that is known of them."""
LOG_WAIT = 3.0
"""Seconds to wait for the last probe's line: longer, and the log counts as incomplete."""
FLUSH = 0.15
"""Seconds within which every worker has written what it logged: the base configuration says flush=100ms."""
REOPEN = 0.2


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed request. ``time``: seconds since the epoch; ``status``: 0 for no answer; ``upstream``: who was asked."""

    time: float
    method: str
    path: str
    status: int
    upstream: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The traffic of one operation, probes included. ``slowest_ms``: until an answer began, as nginx measured it.

    Failed are answers of 500 and above, requests without an answer, and probes without one. ``gap`` is empty when
    nothing can have been overlooked; otherwise it says why that is not known, and 0 failed then proves nothing.
    """

    requests: int
    failed: int
    slowest_ms: float
    failures: tuple[Failure, ...]
    probes: int
    gap: str

    @property
    def proven(self) -> bool:
        """Whether the figures cover every request."""
        return not self.gap

    def __str__(self) -> str:
        if self.gap and not self.failed:
            return f"not proven, {self.gap}; {self.requests} requests seen, slowest {self.slowest_ms:.0f} ms"
        figures = f"{self.requests} requests, {self.failed} failed, slowest {self.slowest_ms:.0f} ms"
        return f"{figures}; there may be more, {self.gap}" if self.gap else figures


@dataclass
class LogTally:
    """Counts nginx's log lines. ``prefix``: of the probes' request ids, which are counted apart from other requests."""

    prefix: str
    others: int = 0
    others_failed: int = 0
    slowest: float = 0.0
    failures: list[Failure] = field(default_factory=list)
    probes_seen: set[str] = field(default_factory=set)
    probes_failed: set[str] = field(default_factory=set)

    def add(self, line: Line) -> bool:
        """Counts one line. True when it is a probe's."""
        if line.seconds > self.slowest:
            self.slowest = max(self.slowest, line.waited)
        if line.failed and len(self.failures) < SAMPLE:
            self.failures.append(Failure(line.time, line.method, line.path, line.status, line.upstream))
        if not line.request_id.startswith(self.prefix):
            self.others += 1
            self.others_failed += line.failed
            return False
        self.probes_seen.add(line.request_id)
        if line.failed:
            self.probes_failed.add(line.request_id)
        return True


class TrafficProof:
    """Watches all traffic from ``start`` to ``stop``. Failing to watch is part of the proof, never an error."""

    def __init__(self, gateway: Gateway, url: str | None, path: str, host: bool = False) -> None:
        """``url``: where nginx is published, http://HOST:PORT; None probes from inside only. ``host``: of this machine.

        ``path``: a harmless one to GET, at which the service answers as long as it lives.
        """
        prefix = f"{OWN_IDS}{secrets.token_hex(6)}-"
        self._gateway, self._path = gateway, path
        self._prober = Prober(gateway, url, path, prefix, host)
        self._tally = LogTally(prefix)
        self._gap = ""
        self._progress = threading.Condition()
        self._ended = threading.Event()
        self._stream: Stream | None = None
        self._follower = threading.Thread(target=self._follow, name="videa-proof", daemon=True)

    def start(self) -> None:
        """Begins to watch: every request that ends from now on is counted."""
        self._stream = self._open()
        self._follower.start()
        self._prober.start()

    def stop(self) -> Proof:
        """Ends the probes, waits until the log has told all of the time until now, and gives the figures."""
        self._prober.stop()
        last, flushed = self._prober.last_answered, time.monotonic() + FLUSH
        with self._progress:
            complete = last != "" and self._progress.wait_for(lambda: last in self._tally.probes_seen, LOG_WAIT)
        self._ended.wait(max(flushed - time.monotonic(), 0.0))
        self._ended.set()
        if self._stream:
            self._stream.close()
        self._follower.join(LOG_WAIT)
        self._gap = self._gap or self._prober.broken or self._prober.unreachable
        if not complete:
            missing = "the last probe is not in nginx's log" if last else "no probe was answered"
            self._gap = self._gap or missing
        return self._proof()

    def _proof(self) -> Proof:
        tally, bad = self._tally, self._prober.bad
        unlogged = [
            Failure(probe.time, "GET", self._path, probe.status, probe.reason)
            for name, probe in bad.items()
            if name not in tally.probes_failed
        ]
        return Proof(
            requests=tally.others + self._prober.sent,
            failed=tally.others_failed + len(tally.probes_failed | bad.keys()),
            slowest_ms=tally.slowest * 1000,
            failures=tuple([*unlogged, *tally.failures][:SAMPLE]),
            probes=self._prober.sent,
            gap=self._gap,
        )

    def _open(self) -> Stream | None:
        try:
            return self._gateway.follow_log()
        except EngineError as error:
            self._gap = self._gap or f"nginx's log cannot be read: {error.message}"
            return None

    def _follow(self) -> None:
        while not self._ended.is_set():
            if self._stream:
                self._read(self._stream)
            if self._ended.wait(REOPEN):
                return
            self._gap = self._gap or "nginx's log ended meanwhile: its container was restarted"
            self._stream = self._open()

    def _read(self, stream: Stream) -> None:
        lines = Lines()
        for chunk in stream:
            probed = False
            for text in lines.feed(chunk):
                line = parse(text)
                if line is not None:
                    probed |= self._tally.add(line)
            if probed:
                with self._progress:
                    self._progress.notify_all()
