"""Counting and wording of the proof; that it is true is tested on a real nginx."""

from __future__ import annotations

from ops.balancer.access_log import Line
from ops.balancer.proof import SAMPLE, Failure, LogTally, Proof

PREFIX = "videa-0f-"


def line(status: int = 200, request_id: str = "x", seconds: float = 0.01) -> Line:
    return Line(1.0, status, seconds, request_id, "GET", "/", "10.0.0.2:3001")


def test_probes_are_counted_apart_from_the_requests_of_others() -> None:
    tally = LogTally(PREFIX)
    assert [tally.add(each) for each in (line(), line(502), line(request_id=f"{PREFIX}1"))] == [False, False, True]
    assert tally.add(line(500, f"{PREFIX}2"))
    assert (tally.others, tally.others_failed) == (2, 1)
    assert tally.probes_seen == {f"{PREFIX}1", f"{PREFIX}2"}
    assert tally.probes_failed == {f"{PREFIX}2"}


def test_the_slowest_is_kept_and_the_sample_is_bounded() -> None:
    tally = LogTally(PREFIX)
    for number in range(SAMPLE * 2):
        tally.add(line(503, seconds=number / 100))
    assert tally.slowest == (SAMPLE * 2 - 1) / 100
    assert len(tally.failures) == SAMPLE
    assert tally.others_failed == SAMPLE * 2
    assert tally.failures[0] == Failure(1.0, "GET", "/", 503, "10.0.0.2:3001")


def test_the_sentence_of_a_complete_proof() -> None:
    proof = Proof(1200, 0, 41.6, (), 30, "")
    assert proof.proven
    assert str(proof) == "1200 requests, 0 failed, slowest 42 ms"


def test_silence_is_never_called_0_failed() -> None:
    proof = Proof(12, 0, 41.6, (), 12, "nginx's log cannot be read: no")
    assert not proof.proven
    assert "0 failed" not in str(proof)
    assert "nginx's log cannot be read: no" in str(proof)


def test_failures_are_told_even_with_a_gap() -> None:
    assert str(Proof(12, 3, 5.0, (), 12, "nginx's log ended")).startswith("12 requests, 3 failed")
