"""Sessions that stick by cookie across whole deploys: a client leaves a replica only when that leaves."""

from __future__ import annotations

import json
from itertools import pairwise
from urllib.request import Request, urlopen

import pytest

from tests.engine.conftest import GOOD, OTHER, LiveStack

CLIENTS = 12


class Browsers:
    """Clients that keep their cookie and ask in rounds. ``rounds``: which instance answered each of them."""

    def __init__(self, stack: LiveStack) -> None:
        self.stack = stack
        self.jar = [""] * CLIENTS
        self.rounds: list[list[str]] = []

    def ask(self) -> list[str]:
        """One round, each request on a connection of its own."""
        answers = []
        for number, cookie in enumerate(self.jar):
            request = Request(f"{self.stack.url}/api/v1/whoami", headers={"Cookie": cookie})
            with urlopen(request, timeout=10) as answer:
                given = answer.headers.get("Set-Cookie", "")
                self.jar[number] = given.partition(";")[0] or cookie
                answers.append(json.load(answer)["instance"])
        self.rounds.append(answers)
        return answers

    def left_too_early(self) -> list[str]:
        """Who left an instance that went on answering others for two rounds or more.

        Two, because a worker of nginx that a reload retires may take one more connection.
        """
        last = {instance: number for number, answers in enumerate(self.rounds) for instance in answers}
        return [
            f"client {client} left {before} in round {number} of {last[before]}"
            for number, (earlier, later) in enumerate(pairwise(self.rounds))
            for client, (before, after) in enumerate(zip(earlier, later, strict=True))
            if before != after and last[before] > number + 2
        ]


@pytest.mark.parametrize("strategy", ["--rolling", "--canary"])
def test_a_client_stays_where_it_is_until_its_replica_leaves(stack: LiveStack, strategy: str) -> None:
    stack.done("deploy", "--image", GOOD)
    path = stack.directory / "test.yml"
    good = path.read_text()
    canary = "{interval: 2s, steps: [30, 60, 100], min_requests: 5, max_p99: 3s}"
    path.write_text(f"x-videa: {{sticky: cookie, canary: {canary}}}\n")
    browsers = Browsers(stack)
    try:
        stack.done("scale", "3")
        at_first = browsers.ask()
        assert len(set(at_first)) > 1
        assert browsers.ask() == at_first
        process = stack.start_videa("deploy", "--image", OTHER, strategy)
        while process.poll() is None:
            browsers.ask()
        _, said = process.communicate()
        after = browsers.ask()
        again = browsers.ask()
    finally:
        path.write_text(good)
        stack.done("scale", "2")
    assert process.returncode == 0, said
    assert not browsers.left_too_early()
    assert after == again
    assert not set(after) & set(at_first)
    if strategy == "--canary":
        seen_by_each = [len(set(seen)) for seen in zip(*browsers.rounds, strict=True)]
        assert set(seen_by_each) == {2}, "who is with the canary stays with it, and all others stay until the end"
