"""Which release runs, where there is more than one."""

from __future__ import annotations

import pytest

from ops.fleet import Fleet
from ops.rollout.targets import serving_release
from tests.unit.ops.rollout.model import NEW, OLD, fleet, member


@pytest.mark.parametrize(
    ("now", "release"),
    [
        (fleet(member(1), member(2), member(3, NEW, listed=False)), OLD),
        (fleet(member(1), member(2), member(3, NEW)), OLD),
        (fleet(member(1), member(2, NEW, ready=False)), OLD),
        (fleet(member(1, listed=False), member(2, NEW)), NEW),
        (fleet(member(1), member(2, NEW), member(3, NEW)), NEW),
        (fleet(member(1), member(2, NEW)), OLD),
        (fleet(member(1, state="exited"), member(2, NEW, ready=False)), NEW),
        (fleet(member(1, ready=False), member(2, NEW, listed=False)), NEW),
        (fleet(), ""),
    ],
)
def test_the_release_that_serves_is_the_one_that_runs(now: Fleet, release: str) -> None:
    assert serving_release(now) == release
