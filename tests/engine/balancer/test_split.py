"""The share that a canary really gets, of 10,000 requests and thousands of clients through a real nginx."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.balancer.access_log import parse
from ops.balancer.split import COOKIE, HEADER, TESTERS
from ops.traffic import TrafficSplit
from tests.engine.balancer.conftest import TESTER_KEY, Bench

CLIENTS = {
    "request": ("silent", 10_000),
    "client": ("interface=127.1.%d.%d", 4_000),
    "cookie:user": ("cookie=user=%d-%d", 4_000),
}
"""What decides -> what curl is told, so that each request is another client's, and how many.

nginx has all of 127/8 for itself. Chance decides for a request only, so only there a small number would prove nothing.
"""


def share(bench: Bench, by: str, percent: float) -> float:
    """Percent of the requests that the canary answers."""
    split = TrafficSplit((bench.name("two"),), percent, by=by)
    bench.balancer.apply(replace(bench.upstream("one"), split=split))
    client, many = CLIENTS[by]
    lines = f"next\\n{client}\\nurl=http://127.0.0.1:8080/\\n"
    script = f"seq 0 {many - 1} | awk '{{printf \"{lines}\", $1 / 250, 1 + $1 % 250}}' | curl -s -K -"
    answers = bench.engine.exec(bench.nginx.id, ["sh", "-c", script]).output
    assert answers.count("one") + answers.count("two") == many
    return 100 * answers.count("two") / many


@pytest.mark.parametrize("by", CLIENTS)
def test_of_many_the_canary_gets_its_share_within_a_percentage_point(bench: Bench, by: str) -> None:
    """Chance alone goes beyond a point at 5% once in 200,000 times; the same clients get the same side each time."""
    found = share(bench, by, 5)
    assert abs(found - 5) < 1, found


def test_stable_answers_for_a_canary_that_is_lost(own: Bench) -> None:
    split = TrafficSplit((own.name("two"),), 50)
    own.balancer.apply(replace(own.upstream("one"), split=split))
    own.balancer.wait_drained(60)
    assert own.get("/", **{HEADER: TESTER_KEY})[:2] == (200, "two")
    own.replicas["two"].kill()
    assert {own.get("/", **{HEADER: TESTER_KEY})[:2] for _ in range(10)} == {(200, "one")}


def ask(bench: Bench, path: str = "/", header: str = "", cookie: str = "") -> str:
    return bench.get(path, **{HEADER: header, "Cookie": cookie})[1]


def split(bench: Bench, percent: float, token: str = "") -> None:
    canary = TrafficSplit((bench.name("two"),), percent, token=token)
    balancer = bench.balancer
    balancer.apply(replace(bench.upstream("one"), split=canary))
    balancer.wait_drained(60)


CHOICES = {
    "header": (TESTER_KEY, "", "two"),
    "cookie": ("", f"a=1; {COOKIE}={TESTER_KEY}; b=2", "two"),
    "header for stable": (f"{TESTER_KEY}.never", f"{COOKIE}={TESTER_KEY}", "one"),
    "cookie for stable": ("", f"{COOKIE}={TESTER_KEY}.never", "one"),
    "always": ("always", f"{COOKIE}=always", ""),
    "never": ("never", "", ""),
    "part of the key": (TESTER_KEY[:-1], "", ""),
    "more than the key": (f"{TESTER_KEY}9", "", ""),
    "key in capitals": (TESTER_KEY.upper(), "", ""),
    "nothing": ("", "", ""),
}
"""A header and a cookie -> the replica that they select; empty for none."""


@pytest.mark.parametrize(("percent", "otherwise"), [(100, "two"), (0, "one")])
def test_only_the_key_selects_a_release_and_no_replica_sees_it(bench: Bench, percent: float, otherwise: str) -> None:
    split(bench, percent)
    for sent, (header, cookie, selected) in CHOICES.items():
        assert ask(bench, header=header, cookie=cookie) == (selected or otherwise), sent
        forwarded = ask(bench, "/headers", header, cookie)
        assert "canary" not in forwarded.lower(), sent
        assert TESTER_KEY not in forwarded, sent
        assert ("Cookie: a=1; b=2" in forwarded) == ("a=1" in cookie), sent


def test_a_private_split_knows_only_its_own_token(bench: Bench) -> None:
    split(bench, 0, token="a1b2c3")
    assert ask(bench, header="a1b2c3") == "two"
    assert bench.balancer.ask(["grep", "-c", "", TESTERS]).ok
    assert {ask(bench, header=other) for other in ("", "always", TESTER_KEY, "a1b2c", "a1b2c3d")} == {"one"}


def test_the_log_marks_only_testers(bench: Bench) -> None:
    split(bench, 0)
    for number, header in enumerate((TESTER_KEY, f"{TESTER_KEY}.never", "always")):
        bench.get(f"/marked/{number}", **{HEADER: header})

    def marks() -> dict[str, str]:
        lines = map(parse, bench.balancer.log_tail(200).splitlines())
        return {line.path: line.tester for line in lines if line and line.path.startswith("/marked/")}

    bench.until(lambda: len(marks()) == 3)
    assert marks() == {"/marked/0": "canary", "/marked/1": "app", "/marked/2": ""}
    assert TESTER_KEY.encode() not in bench.balancer.log_tail(200)


def test_a_key_that_is_easy_to_guess_is_ignored(bare: Bench) -> None:
    bare.start_nginx({"TESTER_KEY": "short"})
    bare.start("one", "two")
    bare.until(lambda: bare.get("/")[0] == 200)
    split(bare, 0)
    assert ask(bare, header="short") == "one"
    assert not bare.balancer.ask(["grep", "-c", "", TESTERS]).ok
    assert b"TESTER_KEY is ignored" in bare.nginx.logs()
