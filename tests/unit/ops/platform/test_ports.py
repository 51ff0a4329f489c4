"""The fakes behave like the real ports."""

from __future__ import annotations

from ops.documents import Kind
from ops.traffic import Upstream
from tests.unit.ops.fakes.contract import (
    check_common_document,
    check_documents,
    check_fence,
    check_fencing,
    check_store,
)
from tests.unit.ops.fakes.gateway import FakeGateway
from tests.unit.ops.fakes.store import FakeStore
from tests.unit.ops.fakes.world import World


def test_the_fake_store_meets_the_contract() -> None:
    check_store(FakeStore(), "videa.test.fake")


def test_the_documents_of_the_fake_store_meet_the_contract() -> None:
    check_documents(FakeStore(), "videa.test.fake")
    check_common_document(FakeStore(), Kind.HISTORY, "shop")


def test_the_numbers_of_the_fake_store_meet_the_contract() -> None:
    check_fence(FakeStore(), "shop")


def test_the_fake_gateway_refuses_lower_numbers() -> None:
    gateway = FakeGateway(World())
    check_fencing(lambda: gateway, Upstream("app", 3001, ("app-1",)), Upstream("app", 3001, ("app-2",)))
