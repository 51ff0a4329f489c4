"""What clients and replicas see of nginx's base configuration."""

from __future__ import annotations

import json
import threading

import pytest

from tests.engine.balancer.conftest import Bench
from tests.engine.balancer.load import Load


def logged(bench: Bench, path: str) -> dict[str, object]:
    """The access log's line for a path, once it is there."""

    def find() -> list[dict[str, object]]:
        lines = bench.nginx.logs(stderr=False).splitlines()
        return [entry for entry in map(json.loads, lines) if entry["path"] == path]

    bench.until(find)
    return find()[-1]


def test_replicas_learn_who_asks(bench: Bench) -> None:
    _, told, _ = bench.get("/headers", Host="videa.example:81", **{"X-Request-ID": "client-chose-1"})
    headers = dict(line.split(": ", 1) for line in told.splitlines())
    assert headers["Host"] == headers["X-Forwarded-Host"] == "videa.example:81"
    assert headers["X-Forwarded-Proto"] == "http"
    assert headers["X-Real-IP"] == headers["X-Forwarded-For"]
    assert headers["X-Request-ID"] == "client-chose-1"
    assert "Connection" not in headers


def test_a_request_id_that_is_unfit_for_a_log_is_replaced(bench: Bench) -> None:
    _, told, _ = bench.get("/headers", **{"X-Request-ID": 'no"quotes here'})
    assert "quotes" not in told
    assert "X-Request-ID: " in told


def test_the_control_server_is_out_of_reach(bench: Bench) -> None:
    assert {bench.get(path)[1] for path in ("/generation", "/status")} <= {"one", "two"}


def test_a_line_of_the_log_tells_all_but_the_query(bench: Bench) -> None:
    bench.get("/search/log-line?token=hush", **{"X-Request-ID": "log-line-1", "User-Agent": 'a "quoted" agent'})
    entry = logged(bench, "/search/log-line")
    assert entry["status"] == 200
    assert entry["request_id"] == "log-line-1"
    assert entry["agent"] == 'a "quoted" agent'
    assert str(entry["upstream"]).endswith(":3001")
    assert "hush" not in json.dumps(entry)


def test_long_requests_keep_their_line_below_a_pipe_buffer(bench: Bench) -> None:
    path = "/" + '"' * 3000
    bench.get(path, **{"User-Agent": '"' * 3000})
    lines = bench.nginx.logs(stderr=False).splitlines()
    assert max(map(len, lines)) < 4096


def test_a_get_moves_on_when_its_replica_dies_and_a_post_is_never_sent_twice(own: Bench) -> None:
    """The replica takes the request, then dies without an answer, with the other one ready to take over."""
    own.balancer.apply(own.upstream("one", "two"))
    for method, expected in (("GET", 200), ("POST", 502)):
        path = f"/hold/{method.lower()}"
        answers: list[int] = []
        request = threading.Thread(target=lambda p=path, m=method, a=answers: a.append(own.get(p, m)[0]))
        request.start()
        own.until(lambda p=path: [own.ask(name, f"/count{p}") for name in ("one", "two")].count("1") == 1)
        holder = "one" if own.ask("one", f"/count{path}") == "1" else "two"
        other = "two" if holder == "one" else "one"
        own.replicas[holder].kill()
        if method == "GET":
            own.until(lambda p=path, o=other: own.ask(o, f"/count{p}") == "1")
            own.ask(other, "/release/get")
        request.join()
        assert answers == [expected]
        assert own.ask(other, f"/count{path}") == ("1" if method == "GET" else "0")
        own.replicas[holder].start()
        own.until(lambda h=holder: own.ask(h, "/") == h)
        own.until(lambda: {own.get("/")[1] for _ in range(8)} == {"one", "two"})


@pytest.mark.parametrize("end", ["kill", "remove"])
def test_a_killed_replica_costs_no_get(own: Bench, end: str) -> None:
    """Only POSTs that it had already been sent may fail: they cannot be told from ones that were carried out."""
    own.start("three")
    own.balancer.apply(own.upstream("one", "two", "three"))
    with Load(own.port, clients=16) as load:
        own.until(lambda: load.done > 100)
        own.replicas["two"].kill() if end == "kill" else own.replicas["two"].remove(force=True)
        killed_at = load.done
        own.until(lambda: load.done > killed_at + 400)
    assert load.failed("GET") == []
    assert len(load.failures) <= load.clients


def test_a_replica_that_comes_back_on_another_address_costs_nothing_more(own: Bench) -> None:
    """nginx learns the new address while requests still wait at the dead one, and must find the other replica for them.

    With max_fails=0 each request may meet the dead address, not only one in 2 s.
    """
    own.start("three")
    own.replicas["one"].remove(force=True)  # leaves the lowest address free, which the next one to start gets
    own.balancer.apply(own.upstream("two", "three"))
    patient = "sed -i s/max_fails=1/max_fails=0/ /etc/nginx/videa/upstreams.conf && nginx -s reload"
    assert own.engine.exec(own.nginx.id, ["sh", "-c", patient]).ok
    before = own.address("three")
    with Load(own.port, clients=16) as load:
        own.until(lambda: load.done > 100)
        own.replicas["three"].kill()
        then = list(load.answered)
        # What was in flight on it may be lost, and may take a while to be.
        own.until(lambda: all(now > before + 1 for now, before in zip(load.answered, then, strict=True)))
        lost = len(load.failures)
        own.replicas["three"].start()
        own.until(lambda: own.ask("three", "/count/").isdigit() and int(own.ask("three", "/count/")) > 100)
    assert own.address("three") != before
    assert load.failures[lost:] == []
