"""The share that a canary really gets, of 10,000 requests or clients through a real nginx."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.balancer.split import HEADER
from ops.traffic import TrafficSplit
from tests.engine.balancer.conftest import Bench

MANY = 10_000

CLIENTS = {
    "request": "silent",
    "client": "interface=127.1.%d.%d",
    "cookie:user": "cookie=user=%d-%d",
}
"""What decides -> what curl is told, so that each request is another client's: nginx has all of 127/8 for itself."""


def share(bench: Bench, by: str, percent: float) -> float:
    """Percent of the requests that the canary answers."""
    split = TrafficSplit((bench.name("two"),), percent, by=by)
    bench.balancer.apply(replace(bench.upstream("one"), split=split))
    lines = f"next\\n{CLIENTS[by]}\\nurl=http://127.0.0.1:8080/\\n"
    script = f"seq 0 {MANY - 1} | awk '{{printf \"{lines}\", $1 / 250, 1 + $1 % 250}}' | curl -s -K -"
    answers = bench.engine.exec(bench.nginx.id, ["sh", "-c", script]).output
    assert answers.count("one") + answers.count("two") == MANY
    return 100 * answers.count("two") / MANY


@pytest.mark.parametrize("by", CLIENTS)
def test_of_10000_the_canary_gets_its_share_within_a_percentage_point(bench: Bench, by: str) -> None:
    """Chance alone goes beyond a point at 5% once in 200,000 times; the same clients get the same side each time."""
    found = share(bench, by, 5)
    assert abs(found - 5) < 1, found


def test_stable_answers_for_a_canary_that_is_lost(own: Bench) -> None:
    split = TrafficSplit((own.name("two"),), 50)
    own.balancer.apply(replace(own.upstream("one"), split=split))
    assert own.get("/", **{HEADER: "always"})[:2] == (200, "two")
    own.replicas["two"].kill()
    assert {own.get("/", **{HEADER: "always"})[:2] for _ in range(10)} == {(200, "one")}
