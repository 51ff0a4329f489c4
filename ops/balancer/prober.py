"""Probes through the balancer's published port, like requests of a client."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ops.balancer.access_log import SERVER_ERROR
from ops.balancer.outside import TIMEOUT, UNANSWERED, connect, headers, in_words
from ops.errors import EngineError
from ops.platform.ports import Gateway
from ops.route import Address

INTERVAL = 0.1
"""Seconds between probes from this machine."""
EXEC_INTERVAL = 0.5
"""Seconds between probes by exec, which are expensive for the engine."""

IDLE = 4.0
"""Seconds without a probe, because this process was suspended or starved, after which a persistent connection is not
reused: nginx may have closed it, which is not a failure (keepalive_min_timeout 5s in ops/balancer/image/http.conf).
"""

INSIDE = "http://127.0.0.1:8080"
"""nginx's address inside its container."""


@dataclass(frozen=True, slots=True)
class BadProbe:
    """A failed probe. ``time``: Unix time; ``status``: 0 without an answer."""

    time: float
    path: str
    status: int
    reason: str


@dataclass
class Prober:
    """Sends probes from a thread until ``stop``, alternately over a persistent connection and over new ones.

    If the published port cannot be reached from this machine (a remote engine behind a firewall, no published port, an
    invalid URL), the probes are sent inside nginx's container instead. ``requests``: for the liveness path of each
    service, in turn. ``prefix``: of the probes' request ids, which identify them in nginx's log. ``broken``: why the
    probes ended early, otherwise "". ``host``: this machine publishes the port, so it must answer; ``unreachable``: why
    the port does not answer although nginx itself does.
    """

    gateway: Gateway
    url: str | None
    requests: Sequence[Address]
    prefix: str
    host: bool = False
    sent: int = field(default=0, init=False)
    last_answered: str = field(default="", init=False)
    bad: dict[str, BadProbe] = field(default_factory=dict, init=False)
    inside: bool = field(default=False, init=False)
    broken: str = field(default="", init=False)
    unreachable: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="videa-prober", daemon=True)
        self._persistent: http.client.HTTPConnection | None = None
        self._used = 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the current probe has ended, within TIMEOUT."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._probe_until_stopped()
        except Exception as error:  # without probes, the proof would be meaningless
            self.broken = f"the probes have ended: bug in videa: {error!r}"

    def _probe_until_stopped(self) -> None:
        self.inside = self.url is None or not self._reachable()
        while True:
            begun = time.monotonic()
            self._probe()
            pause = (EXEC_INTERVAL if self.inside else INTERVAL) - (time.monotonic() - begun)
            if self._ended.wait(max(pause, 0.0)):
                break
        if self._persistent:
            self._persistent.close()

    def _reachable(self) -> bool:
        """Whether to send the probes from this machine. Also True if nginx does not answer at all: then they fail."""
        try:
            self._send_from_here(f"{self.prefix}{self.sent}", self._request, fresh=True)
        except UNANSWERED as error:
            if self._send_inside(f"{self.prefix}{self.sent}", self._request) == 0:
                return True
            if self.host:
                self.unreachable = f"{self.url} does not answer, only nginx itself does: {in_words(error)}"
            return False
        return True

    def _probe(self) -> None:
        request = self._request
        self.sent += 1
        name = f"{self.prefix}{self.sent}"
        began, status, reason = time.time(), 0, "no answer"
        try:
            fresh = self.sent % 2 == 0
            status = self._send_inside(name, request) if self.inside else self._send_from_here(name, request, fresh)
        except UNANSWERED as error:
            reason = f"no answer: {error!r}"
        if status:
            self.last_answered = name
        if not status or status >= SERVER_ERROR:
            self.bad[name] = BadProbe(began, request.path, status, f"status {status}" if status else reason)

    @property
    def _request(self) -> Address:
        """The next request. Each one is sent over a persistent connection, then over a new one."""
        return self.requests[self.sent // 2 % len(self.requests)]

    def _send_from_here(self, name: str, request: Address, fresh: bool) -> int:
        if self._persistent and time.monotonic() - self._used > IDLE:
            self._persistent.close()
            self._persistent = None
        connection = None if fresh else self._persistent
        if connection is None:
            connection = connect(str(self.url))
        try:
            connection.request("GET", request.path, headers=headers(request, **{"X-Request-ID": name}))
            response = connection.getresponse()
            response.read()
        except BaseException:
            connection.close()
            self._persistent = self._persistent if fresh else None
            raise
        if fresh:
            connection.close()
        else:
            self._persistent, self._used = connection, time.monotonic()
        return response.status

    def _send_inside(self, name: str, request: Address) -> int:
        command = [
            *("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-A", "videa-probe", "--globoff"),
            *("--max-time", str(TIMEOUT), "-H", f"X-Request-ID: {name}"),
            *(("-H", f"Host: {request.host}") if request.host else ()),
            INSIDE + request.path,
        ]
        try:
            answer = self.gateway.ask(command)
        except EngineError:
            return 0
        return int(answer.output) if answer.output.isdecimal() else 0
