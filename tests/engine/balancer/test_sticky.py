"""Clients that stick stay on their replica while others come and go, for as long as it is served."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.balancer.sticky import replica_id
from ops.traffic import Sticky, TrafficSplit
from tests.engine.balancer.conftest import TESTER_KEY, Bench

CLIENTS = 24


class Cookies:
    """Browsers: each keeps the cookie that it was last given."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.jar = [""] * CLIENTS

    def ask(self, **headers: str) -> list[str]:
        """Which replica answers each client."""
        answers = []
        for number, cookie in enumerate(self.jar):
            status, text, answered = self.bench.get("/", Cookie=f"videa_client={cookie}" if cookie else "", **headers)
            assert status == 200
            given = answered.get("Set-Cookie", "")
            self.jar[number] = given.partition("=")[2].partition(";")[0] or cookie
            answers.append(text)
        return answers


def by_address(bench: Bench) -> list[str]:
    """Which replica answers clients of different addresses: nginx has all of 127/8."""
    script = f"for n in $(seq {CLIENTS}); do curl -s --interface 127.0.1.$n http://127.0.0.1:8080/; echo; done"
    return bench.engine.exec(bench.nginx.id, ["sh", "-c", script]).output.split()


def serve(bench: Bench, sticky: Sticky, *names: str, split: TrafficSplit | None = None) -> None:
    bench.balancer.apply(replace(bench.upstream(*names, sticky=sticky), split=split))
    bench.balancer.wait_drained(10)  # a worker that is ending may still accept a connection, with the list of before
    if sticky == "cookie":
        for name in (*names, *(("three",) if split else ())):
            bench.until(lambda name=name: all(answers_its_clients(bench, name) for _ in range(5)))


def answers_its_clients(bench: Bench, name: str) -> bool:
    """False while nginx does not know the address of a new group, and any replica answers for it."""
    cookie = f"videa_client={'0' * 32}.{replica_id(bench.name(name))}"
    side = TESTER_KEY if name == "three" else f"{TESTER_KEY}.never"
    return bench.get("/", Cookie=cookie, **{"X-Videa-Canary": side})[1] == name


@pytest.fixture(scope="module")
def three(bench: Bench) -> Bench:
    bench.start("three")
    return bench


def test_by_cookie_every_client_stays_for_as_long_as_its_replica_is_served(three: Bench) -> None:
    serve(three, "cookie", "one", "two")
    clients = Cookies(three)
    at_first = clients.ask()
    assert set(at_first) == {"one", "two"}
    serve(three, "cookie", "one", "two", "three")
    assert clients.ask() == at_first
    assert "three" in Cookies(three).ask()
    serve(three, "cookie", "two", "three")
    after = clients.ask()
    assert all(now == "two" for now, before in zip(after, at_first, strict=True) if before == "two")
    assert set(after) == {"two", "three"}
    serve(three, "cookie", "one", "two", "three")
    assert clients.ask() == after


def test_by_cookie_a_canary_takes_its_share_of_the_clients_and_keeps_them(three: Bench) -> None:
    serve(three, "cookie", "one", "two")
    clients = Cookies(three)
    before = clients.ask()
    canary = TrafficSplit((three.name("three"),), 30, by="client")
    serve(three, "cookie", "one", "two", split=canary)
    during = clients.ask()
    assert 0 < during.count("three") < CLIENTS
    assert all(now in (was, "three") for now, was in zip(during, before, strict=True))
    assert clients.ask() == during
    serve(three, "cookie", "one", "two", split=replace(canary, percent=60))
    more = clients.ask()
    assert all(now == "three" for now, was in zip(more, during, strict=True) if was == "three")
    assert set(clients.ask(**{"X-Videa-Canary": TESTER_KEY})) == {"three"}
    assert "three" not in clients.ask(**{"X-Videa-Canary": f"{TESTER_KEY}.never"})


def test_by_cookie_another_replica_answers_for_one_that_is_lost(own: Bench) -> None:
    serve(own, "cookie", "one", "two")
    clients = Cookies(own)
    assert set(clients.ask()) == {"one", "two"}
    own.replicas["one"].kill()
    assert set(clients.ask()) == {"two"}


def test_by_address_only_clients_of_what_came_or_went_move(three: Bench) -> None:
    serve(three, "ip", "one", "two")
    at_first = by_address(three)
    assert set(at_first) == {"one", "two"}
    serve(three, "ip", "one", "two", "three")
    grown = by_address(three)
    assert all(now in (was, "three") for now, was in zip(grown, at_first, strict=True))
    assert "three" in grown
    serve(three, "ip", "two", "three")
    shrunk = by_address(three)
    assert all(now == was for now, was in zip(shrunk, grown, strict=True) if was != "one")
