"""One command waits for a running operation; nothing takes the place of an abort."""

from __future__ import annotations

import pytest

from ops.rollout.command_queue import CommandQueue
from tests.unit.ops.fakes.store import FakeStore


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (["promote"], "promote"),
        (["promote", "promote"], "promote"),
        (["promote", "abort"], "abort"),
        (["abort", "promote"], "abort"),
        (["abort", "promote", "promote"], "abort"),
    ],
)
def test_the_last_command_waits_and_an_abort_stays_one(sent: list[str], taken: str) -> None:
    queue = CommandQueue(FakeStore(), "shop")
    for verb in sent:
        queue.send(verb)
    command = queue.take()
    assert command is not None
    assert command.verb == taken
    assert queue.take() is None
