"""What `videa status` tells of the requests in nginx's log."""

from __future__ import annotations

import time
from concurrent.futures import Future
from pathlib import Path

import pytest

from ops.balancer.recent import Recent
from ops.traffic import Look
from ops.views.status import RATE_WINDOW, Shared, read_status
from tests.unit.ops.fakes import fake_stack

NOTICE = b'{"time":%d,"level":"warning","message":"log lines dropped","dropped":7}\n'


@pytest.mark.parametrize(("age", "missing"), [(0, 14), (RATE_WINDOW + 2, 0)], ids=["now", "long ago"])
def test_it_says_how_many_lines_are_missing_in_the_time_of_the_rates(tmp_path: Path, age: float, missing: int) -> None:
    stack = fake_stack(tmp_path)
    stack.gateway.log = NOTICE % (time.time() - age) * 2
    assert read_status(stack).log_dropped == missing


def test_what_all_services_share_is_not_asked_again(tmp_path: Path) -> None:
    stack, asked = fake_stack(tmp_path), list[str]()
    stack.world.disturb = asked.append
    shared = Shared(Future(), Future())
    shared.look.set_result(Look("1.28.0", 1, ""))
    shared.recent.set_result(Recent([], 7))
    assert read_status(stack, shared=shared).log_dropped == 7
    assert "membership" not in asked
    read_status(stack)
    assert "membership" in asked
