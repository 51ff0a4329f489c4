"""Waits for a balancer that has just started."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops import lifecycle
from ops.errors import BalancerError
from ops.lifecycle import await_balancer
from tests.unit.ops.fakes import FakeStack, fake_stack

NO_FILE = BalancerError("nginx's container has no upstreams.conf", "use the image of ops/balancer/image")


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    monkeypatch.setattr(lifecycle, "LOOK_AGAIN", 0.0)
    return fake_stack(tmp_path)


def test_a_balancer_that_has_not_written_its_file_yet_is_checked_again(stack: FakeStack) -> None:
    refusals = [NO_FILE] * 3

    def disturb(call: str) -> None:
        if call == "look" and refusals:
            raise refusals.pop()

    stack.world.disturb = disturb
    await_balancer(stack)
    assert not refusals


def test_a_balancer_with_another_image_raises_its_error(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    def disturb(call: str) -> None:
        raise NO_FILE

    monkeypatch.setattr(lifecycle, "STARTING", 0.0)
    stack.world.disturb = disturb
    with pytest.raises(BalancerError, match=r"has no upstreams\.conf"):
        await_balancer(stack)
