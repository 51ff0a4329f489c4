"""Something else changes the stack in the middle of a deploy, and the deploy does not claim what is not there."""

from __future__ import annotations

import re
import signal

from tests.engine.conftest import LiveStack
from tests.engine.rollout.test_crash import drive, images, is_stopped

LEASE = "200"
"""Seconds: Compose may take its time while the deploy is stopped, and nobody else waits for its lock."""


def disturbed_at(stack: LiveStack, place: str, image: str) -> str:
    """What a blue-green deploy says in the end, if a plain `docker compose up` runs at the start of a step."""
    process = drive(stack, "freeze", image, "blue-green", place, LEASE)
    try:
        stack.until(lambda: is_stopped(process))
        stack.compose("up", "--detach")
        process.send_signal(signal.SIGCONT)
        return process.communicate(timeout=60)[1]
    finally:
        process.kill()
        process.communicate()


def test_replicas_to_which_compose_has_given_back_the_old_release_are_named_and_serve(stack: LiveStack) -> None:
    """`.env` still has the old release. Some old replicas are being stopped, others are gone, when Compose runs: it
    counts the former, so one or two of the old release are left.
    """
    old, new = stack.releases()
    said = disturbed_at(stack, "record", new)
    left = stack.replicas()
    assert said.startswith("8 all steps are done, but the result is not as planned: ")
    named = re.search(r"([^:;]+) (?:is|are) of another release", said)
    assert named, said
    assert sorted(named[1].strip().split(", ")) == left
    assert ("1 replica instead of 2" in said) == (len(left) == 1)
    assert "run the same command again; `videa status` shows the stack" in said
    assert {each["image"] for each in stack.status()["replicas"]} == {old}
    stack.until(lambda: stack.answers("/health/ready"))
    assert "all steps are done, but" in stack.done("history")
    stack.done("deploy", "--image", new)
    assert list(images(stack).values()) == [new] * len(left)
