"""The queue holds one command for a running operation; no command replaces an abort."""

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
def test_the_queue_holds_the_last_command_and_keeps_an_abort(sent: list[str], taken: str) -> None:
    queue = CommandQueue(FakeStore(), "shop")
    for verb in sent:
        queue.send(verb)
    command = queue.take()
    assert command is not None
    assert command.verb == taken
    assert queue.take() is None
