"""The fake store behaves like the real one."""

from __future__ import annotations

from tests.unit.ops.fakes.contract import check_store
from tests.unit.ops.fakes.store import FakeStore


def test_the_fake_store_meets_the_contract() -> None:
    check_store(FakeStore(), "videa.test.fake")
