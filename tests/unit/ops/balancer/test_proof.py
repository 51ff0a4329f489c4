"""The figures and the text of the proof; tests/engine checks them with a real nginx."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from ops.balancer import proof as module
from ops.balancer.access_log import Line
from ops.balancer.prober import BadProbe
from ops.balancer.proof import SAMPLE, Failure, LogTally, Proof, TrafficProof
from ops.errors import EngineUnreachable
from ops.platform.ports import Stream
from ops.route import Address

PREFIX = "videa-0f-"
DROPPED = '{"time":1795438895,"level":"warning","message":"log lines dropped","dropped":%d}'


def line(status: int = 200, request_id: str = "x", seconds: float = 0.01) -> Line:
    return Line(1.0, status, seconds, request_id, "GET", "/", "10.0.0.2:3001")


def test_probes_are_counted_separately() -> None:
    tally = LogTally(PREFIX)
    lines = line(), line(502), line(request_id=f"{PREFIX}1")
    assert [tally.add(logged) for logged in lines] == [False, False, True]
    assert tally.add(line(500, f"{PREFIX}2"))
    assert (tally.others, tally.others_failed) == (2, 1)
    assert tally.probes_seen == {f"{PREFIX}1", f"{PREFIX}2"}
    assert tally.probes_failed == {f"{PREFIX}2"}


def test_the_slowest_is_remembered_and_the_sample_is_limited() -> None:
    tally = LogTally(PREFIX)
    for number in range(SAMPLE * 2):
        tally.add(line(503, seconds=number / 100))
    assert tally.slowest == (SAMPLE * 2 - 1) / 100
    assert len(tally.failures) == SAMPLE
    assert tally.others_failed == SAMPLE * 2
    assert tally.failures[0] == Failure(1.0, "GET", "/", 503, "10.0.0.2:3001")


def test_a_stream_that_ends_is_not_the_slowest_answer() -> None:
    tally = LogTally(PREFIX)
    tally.add(Line(1.0, 200, 31.0, "x", "GET", "/events", "10.0.0.2:3001", "200", "31.0", "0.004"))
    tally.add(line(seconds=0.02))
    assert tally.slowest == 0.02


def test_the_text_of_a_complete_proof() -> None:
    proof = Proof(1200, 0, 41.6, (), 30, "")
    assert proof.proven
    assert str(proof) == "1200 requests, 0 failed, slowest 42 ms"


def test_an_incomplete_proof_never_reports_0_failed() -> None:
    proof = Proof(12, 0, 41.6, (), 12, "nginx's log cannot be read: no")
    assert not proof.proven
    assert "0 failed" not in str(proof)
    assert "nginx's log cannot be read: no" in str(proof)


def test_failures_are_reported_even_with_a_gap() -> None:
    assert str(Proof(12, 3, 5.0, (), 12, "nginx's log ended")).startswith("12 requests, 3 failed")


class Probes:
    """Three probes with answers."""

    sent, bad, broken, unreachable = 3, {}, "", ""

    def __init__(self, gateway: object, url: str, requests: object, prefix: str, host: bool) -> None:
        self.last_answered = f"{prefix}3"

    def start(self) -> None: ...

    def stop(self) -> None: ...


class LateLog:
    """A log that returns its last lines only when somebody waits for them."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.wanted, self.closed = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        while not self.closed.is_set():
            if self.wanted.wait(0.01):
                yield "".join(f"{line}\n" for line in self.lines).encode()
                self.wanted.clear()
                self.lines = []

    def close(self) -> None:
        self.closed.set()


class Watched(threading.Condition):
    """Sets ``waits`` when somebody starts to wait."""

    def __init__(self, waits: threading.Event) -> None:
        super().__init__()
        self.waits = waits

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        self.waits.set()
        return super().wait_for(predicate, timeout)


def late_proof(monkeypatch: pytest.MonkeyPatch, last_probe_is_logged: bool, first: str = "") -> Proof:
    """A proof whose log has a failed request and perhaps the last probe only after the probes have ended.

    ``first``: the lines before.
    """
    monkeypatch.setattr(module, "Prober", Probes)
    monkeypatch.setattr(module, "FLUSH", 0.0)
    monkeypatch.setattr(module, "LOG_WAIT", 5.0 if last_probe_is_logged else 0.1)
    monkeypatch.setattr(module.secrets, "token_hex", lambda _: "0f")
    monkeypatch.setattr(module, "PROCESS_IDS", "videa-")
    names = ["other", f"{PREFIX}3"] if last_probe_is_logged else ["other"]
    status = {"other": 502}
    lines = [json.dumps({"time": 1, "status": status.get(n, 200), "seconds": 0, "request_id": n}) for n in names]
    log = LateLog([*first.splitlines(), *lines])
    gateway = SimpleNamespace(follow_log=lambda: log)
    proof = TrafficProof(gateway, "http://127.0.0.1", [Address(path="/alive")])  # type: ignore[arg-type]
    proof._progress = Watched(log.wanted)
    proof.start()
    return proof.stop()


def test_the_proof_waits_for_late_lines_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    proof = late_proof(monkeypatch, last_probe_is_logged=True)
    assert (proof.failed, proof.gap) == (1, "")


def test_a_failed_request_is_one_of_the_requests_also_the_first_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    probes = "\n".join(
        json.dumps({"time": 1, "status": 502, "seconds": 0, "request_id": f"{PREFIX}{number}"}) for number in range(3)
    )
    proof = late_proof(monkeypatch, last_probe_is_logged=True, first=probes)
    assert (proof.failed, proof.requests) == (4, 5)


@pytest.mark.parametrize(("upstream", "failed"), [("", 1), ("10.0.0.2:3001", 2)])
def test_a_probe_that_gets_the_page_of_maintenance_has_not_failed(
    monkeypatch: pytest.MonkeyPatch, upstream: str, failed: int
) -> None:
    name = f"{PREFIX}2"
    monkeypatch.setattr(Probes, "bad", {name: BadProbe(1.0, "/", 503, "status 503")})
    first = json.dumps({"time": 1, "status": 503, "seconds": 0, "request_id": name, "upstream": upstream})
    assert late_proof(monkeypatch, last_probe_is_logged=True, first=first).failed == failed


def test_a_log_without_the_last_probe_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    proof = late_proof(monkeypatch, last_probe_is_logged=False)
    assert proof.gap == "the last probe is not in nginx's log"
    assert not proof.proven


def test_dropped_lines_of_the_log_are_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    proof = late_proof(monkeypatch, last_probe_is_logged=True, first=DROPPED % 12)
    assert proof.gap == "12 lines of nginx's log were dropped"
    assert (proof.failed, proof.proven) == (1, False)


def test_a_published_port_that_does_not_answer_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Probes, "unreachable", "http://127.0.0.1 does not answer, only nginx itself does: refused")
    proof = late_proof(monkeypatch, last_probe_is_logged=True)
    assert not proof.proven
    assert "only nginx itself does" in str(proof)


def test_probes_that_have_ended_are_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Probes, "broken", "the probes have ended: bug in videa: KeyError()")
    proof = late_proof(monkeypatch, last_probe_is_logged=True)
    assert not proof.proven
    assert "bug in videa: KeyError()" in str(proof)


def test_a_lost_connection_to_the_engine_is_not_a_restart_of_nginx(monkeypatch: pytest.MonkeyPatch) -> None:
    def follow_log() -> Iterator[bytes]:
        proof._ended.set()
        raise EngineUnreachable("the Docker Engine at shop does not answer", "")

    monkeypatch.setattr(module, "REOPEN", 0.0)
    proof = TrafficProof(SimpleNamespace(follow_log=follow_log), None, [Address(path="/")])  # type: ignore[arg-type]
    proof._stream = cast("Stream", iter(()))
    proof._follow()
    assert proof._gap == "nginx's log cannot be read: the Docker Engine at shop does not answer"
