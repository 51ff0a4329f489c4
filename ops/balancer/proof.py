"""Proof that an operation lost no request: nginx's log and the results of probes through nginx."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ops.balancer.access_log import Line, Lines, gap, parse
from ops.balancer.prober import Prober
from ops.balancer.recent import PROCESS_IDS
from ops.errors import EngineError
from ops.platform.ports import Gateway, Stream
from ops.route import Address

SAMPLE = 10
"""Maximum number of failed requests that are recorded with their details."""
LOG_WAIT = 3.0
"""Seconds to wait for the log line of the last probe. Without it, the log counts as incomplete."""
FLUSH = 0.25
"""Seconds until all workers have written their lines: flush=100ms in nginx's configuration, 50 ms in relay.pl."""
REOPEN = 0.2


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed request. ``time``: Unix time; ``status``: 0 for no answer; ``upstream``: the addresses nginx tried."""

    time: float
    method: str
    path: str
    status: int
    upstream: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The traffic during one operation, including probes. ``slowest_ms``: time to the first byte, measured by nginx.

    Answers of 500 and above, and requests and probes without an answer, count as failed. ``gap``: why the figures may
    be incomplete, so that 0 failed proves nothing; empty if they are complete.
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
    """Counts nginx's log lines. ``prefix``: of the probes' request ids; probes are counted separately."""

    prefix: str
    others: int = 0
    others_failed: int = 0
    slowest: float = 0.0
    failures: list[Failure] = field(default_factory=list)
    probes_seen: set[str] = field(default_factory=set)
    probes_failed: set[str] = field(default_factory=set)

    def add(self, line: Line) -> bool:
        """Counts one line. Returns True for a probe."""
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
    """Watches all traffic from ``start`` to ``stop``. If it cannot, the proof has a gap; this is not an error."""

    def __init__(self, gateway: Gateway, url: str | None, requests: Sequence[Address], host: bool = False) -> None:
        """``url``: of nginx's published port, http://HOST:PORT; None sends the probes inside nginx's container.

        ``requests``: for the liveness path of each service, without side effects. ``host``: the port is on this
        machine.
        """
        prefix = f"{PROCESS_IDS}{secrets.token_hex(6)}-"
        self._gateway = gateway
        self._prober = Prober(gateway, url, requests, prefix, host)
        self._tally = LogTally(prefix)
        self._gap = ""
        self._progress = threading.Condition()
        self._ended = threading.Event()
        self._stream: Stream | None = None
        self._follower = threading.Thread(target=self._follow, name="videa-proof", daemon=True)

    def start(self) -> None:
        """Starts to watch: every request that ends from now on is counted."""
        self._stream = self._open()
        self._follower.start()
        self._prober.start()

    def stop(self) -> Proof:
        """Ends the probes, waits until the log is complete up to now, and returns the figures."""
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
        tally = self._tally
        # For answered requests, nginx's log decides: the 503 of maintenance is not a failure.
        passed = tally.probes_seen - tally.probes_failed
        bad = {name: probe for name, probe in self._prober.bad.items() if not (probe.status and name in passed)}
        # ``sent`` does not include the first probe, which tests whether the published port answers.
        probes = max(self._prober.sent, len(tally.probes_seen | self._prober.bad.keys()))
        unlogged = [
            Failure(probe.time, "GET", probe.path, probe.status, probe.reason)
            for name, probe in bad.items()
            if name not in tally.probes_failed
        ]
        return Proof(
            requests=tally.others + probes,
            failed=tally.others_failed + len(tally.probes_failed | bad.keys()),
            slowest_ms=tally.slowest * 1000,
            failures=tuple([*unlogged, *tally.failures][:SAMPLE]),
            probes=probes,
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
            # If the connection to the engine was lost, this fails and becomes the reason for the gap.
            self._stream = self._open()
            self._gap = self._gap or "nginx's log ended in the meantime: its container was restarted"

    def _read(self, stream: Stream) -> None:
        lines = Lines()
        for chunk in stream:
            probed = False
            for text in lines.feed(chunk):
                line = parse(text)
                if line is not None:
                    probed |= self._tally.add(line)
                else:
                    self._gap = self._gap or gap(text)
            if probed:
                with self._progress:
                    self._progress.notify_all()
