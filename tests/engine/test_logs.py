"""`videa logs` on the running stack: one request followed through nginx and the replica that answered it."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

from tests.engine.conftest import LiveStack
from tests.engine.unread import unread


def lines(stack: LiveStack, *arguments: str) -> list[dict[str, Any]]:
    """What `videa logs --json` prints of nginx and the replicas."""
    shown = stack.done("logs", "nginx", "backend", "--json", "--since", "1m", *arguments)
    return [json.loads(line) for line in shown.splitlines()]


def test_a_request_is_followed_through_all_containers_in_the_order_of_time(stack: LiveStack) -> None:
    for _ in range(20):
        stack.get("/api/v1/whoami")
        assert not stack.answers("/api/v1/followed")

    def answered() -> list[str]:
        """The last requests that a replica's log knows: of the errors, both containers have a line."""
        return [line["request_id"] for line in lines(stack) if "-backend-" in line["container"] and line["request_id"]]

    stack.until(lambda: len(answered()) >= 20)
    found = lines(stack)
    assert [line["time"] for line in found] == sorted(line["time"] for line in found)
    (last, *_) = answered()[::-1]
    stack.until(lambda: len(lines(stack, "--request", last)) == 2)
    places = {line["container"].removeprefix(f"{stack.project}-") for line in lines(stack, "--request", last)}
    assert "nginx-1" in places
    assert len(places) == 2
    assert last not in {line["request_id"] for line in lines(stack, "--level", "warning")}
    plain = {line["request_id"] for line in found if '"path":"/api/v1/whoami"' in line["text"]}
    assert len(plain) >= 20
    assert plain.isdisjoint(answered()), "a request without any fault is written once, by nginx"


def test_replicas_whose_log_nobody_reads_answer_and_lose_no_line(stack: LiveStack) -> None:
    path, wanted = "/api/v1/unread-" + "a" * 1500, 400
    states = stack.docker("inspect", "--format", "{{.State.Pid}}", *stack.replicas())
    with closing(HTTPConnection("127.0.0.1", stack.port, timeout=10)) as client, unread(*map(int, states.split())):
        for _ in range(wanted):
            client.request("GET", path)
            answer = client.getresponse()
            assert (answer.status, answer.read() != b"") == (404, True)

    def logged() -> int:
        return sum(stack.docker("logs", "--since", "2m", replica).count(path) for replica in stack.replicas())

    stack.until(lambda: logged() == wanted)
