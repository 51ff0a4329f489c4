"""Sessions that stick by cookie across whole deploys: a client leaves a replica only when that leaves."""

from __future__ import annotations

import json
import time
from itertools import groupby
from urllib.request import Request, urlopen

from tests.engine.conftest import LiveStack

CLIENTS = 8
PAUSE = 0.06
"""Seconds between two rounds, which a busy client would take from the deploy."""

SETTLED = 5
"""Rounds."""

RELOAD = 20
"""Rounds during a reload: a worker of before answers clients that it has accepted while others have moved on.

Between two replicas' leaving there are more than fifty.
"""


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
        time.sleep(PAUSE)
        self.rounds.append(answers)
        return answers

    def homes(self, client: int) -> list[tuple[str, int]]:
        """Where a client lived, with the last round there.

        Less than SETTLED rounds are no home: while nginx reloads, workers of before and after take connections in turn.
        """
        found: list[tuple[str, int]] = []
        for instance, asked in groupby(enumerate(self.rounds), key=lambda each: each[1][client]):
            numbers = [number for number, _ in asked]
            if len(numbers) >= SETTLED:
                found = [*(found[:-1] if found and found[-1][0] == instance else found), (instance, numbers[-1])]
        return found

    def left_too_early(self) -> list[str]:
        """Who left an instance for good that went on answering others.

        Whoever comes back was with a backup meanwhile: nginx could not reach the instance for a moment.
        """
        ends = [dict(self.homes(client)) for client in range(CLIENTS)]
        last = {instance: max(each.get(instance, 0) for each in ends) for each in ends for instance in each}
        return [
            f"client {client} left {instance} in round {number} of {last[instance]}: {self.homes(client)}"
            for client, each in enumerate(ends)
            for instance, number in each.items()
            if last[instance] > number + RELOAD
        ]


def visited_during(stack: LiveStack, *deploy: str) -> Browsers:
    """What clients see who have been there before a deploy, during it and afterwards."""
    browsers = Browsers(stack)
    at_first = browsers.ask()
    assert len(set(at_first)) > 1
    assert [browsers.ask() for _ in range(SETTLED)] == [at_first] * SETTLED
    process = stack.start_videa("deploy", *deploy)
    while process.poll() is None:
        browsers.ask()
    _, said = process.communicate()
    assert process.returncode == 0, said
    after = [browsers.ask() for _ in range(SETTLED)]
    assert after == after[:1] * SETTLED
    assert not set(after[0]) & set(at_first)
    return browsers


def test_a_client_stays_where_it_is_until_its_replica_leaves(stack: LiveStack) -> None:
    old, new = stack.releases()
    path = stack.directory / "test.yml"
    good = path.read_text()
    canary = "{interval: 1s, steps: [50, 100], min_requests: 5, max_p99: 3s}"
    path.write_text(f"x-videa: {{sticky: cookie, canary: {canary}}}\n")
    try:
        stack.done("scale", "3")
        assert visited_during(stack, "--image", new, "--rolling").left_too_early() == []
        browsers = visited_during(stack, "--image", old, "--canary")
    finally:
        path.write_text(good)
        stack.done("scale", "2")
    moves = [len(browsers.homes(client)) - 1 for client in range(CLIENTS)]
    assert set(moves) == {1}, "who is with the canary stays with it, and all others stay until then"
