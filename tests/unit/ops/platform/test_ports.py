"""The fake store behaves as the real one does."""

from __future__ import annotations

from tests.unit.ops.fakes.contract import check_store
from tests.unit.ops.fakes.store import FakeStore


def test_the_fake_store_keeps_the_contract() -> None:
    check_store(FakeStore(), "videa.test.fake")
