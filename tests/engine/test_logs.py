"""`videa logs` on the running stack: one request followed through nginx and the replica that answered it."""

from __future__ import annotations

import json
from typing import Any

from tests.engine.conftest import LiveStack


def lines(stack: LiveStack, *arguments: str) -> list[dict[str, Any]]:
    """What `videa logs --json` prints of nginx and the replicas."""
    shown = stack.done("logs", "nginx", "backend", "--json", "--since", "1m", *arguments)
    return [json.loads(line) for line in shown.splitlines()]


def test_a_request_is_followed_through_all_containers_in_the_order_of_time(stack: LiveStack) -> None:
    for _ in range(20):
        stack.get("/api/v1/whoami?followed=yes")

    def answered() -> list[str]:
        """The last requests that a replica's log knows."""
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
