"""What `videa status` tells of the requests in nginx's log."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ops.views.status import RATE_WINDOW, read_status
from tests.unit.ops.fakes import fake_stack

NOTICE = b'{"time":%d,"level":"warning","message":"log lines dropped","dropped":7}\n'


@pytest.mark.parametrize(("age", "missing"), [(0, 14), (RATE_WINDOW + 2, 0)], ids=["now", "long ago"])
def test_it_says_how_many_lines_are_missing_in_the_time_of_the_rates(tmp_path: Path, age: float, missing: int) -> None:
    stack = fake_stack(tmp_path)
    stack.gateway.log = NOTICE % (time.time() - age) * 2
    assert read_status(stack).log_dropped == missing
