"""While Docker does not read nginx's log, no request waits; what is dropped is counted, and a proof says so."""

from __future__ import annotations

import json

from tests.engine.balancer.conftest import Bench
from tests.engine.balancer.load import Load
from tests.engine.balancer.test_proof import watch
from tests.engine.unread import unread

LONG = "/" + '"' * 799
"""The longest path that is logged whole: its line has about 2 kB, so that a few thousand requests fill every buffer."""


def process(bench: Bench) -> int:
    """The first process of nginx's container."""
    bench.nginx.reload()
    return int(bench.nginx.attrs["State"]["Pid"])


def logged(bench: Bench) -> int:
    """
    Number of requests for LONG in the log, with those that it says were dropped.

    Those before them do not count: a worker of nginx writes its lines up to 0.1 s late, in no order with the others.
    """
    lines = [json.loads(line) for line in bench.nginx.logs(stderr=False).splitlines()]
    return sum(line["dropped"] if "dropped" in line else line["path"] == LONG for line in lines)


def drop_lines(bench: Bench, load: Load) -> None:
    """Lets clients ask until more is logged than the buffers hold."""
    with unread(process(bench)):
        before = load.done
        bench.until(lambda: load.done > before + 4000, seconds=60)


def test_requests_go_on_and_each_is_in_the_log_or_counted_as_dropped(own: Bench) -> None:
    with Load(own.port, path=LONG, pause=0.001) as load:
        drop_lines(own, load)
    assert load.failures == []
    own.until(lambda: logged(own) >= load.done, seconds=60)
    assert logged(own) == load.done
    assert b'"dropped":' in own.nginx.logs(stderr=False)


def test_a_proof_with_dropped_lines_is_not_proven(own: Bench) -> None:
    own.get("/last")
    own.until(lambda: b"/last" in own.nginx.logs(stderr=False))
    watching = watch(own)
    with Load(own.port, path=LONG, pause=0.001) as load:
        drop_lines(own, load)
    proof = watching.stop()
    assert proof.failed == 0
    assert "lines of nginx's log were dropped" in proof.gap
    assert "0 failed" not in str(proof)


def test_errors_that_nobody_reads_stop_no_request(own: Bench) -> None:
    with unread(process(own)):
        for _ in range(400):
            assert own.get(LONG, "POST", **{"Content-Length": "9000000000"})[0] == 413
    own.until(lambda: own.nginx.logs(stdout=False).count(b"too large body") == 400)
