"""The test that the agent sends for `videa notify test`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as with_fields

from ops.errors import ConfigError, UsageError
from ops.notify import view
from ops.notify.duty import Notifications
from ops.notify.message import DOCUMENT, Message
from ops.project.settings import Receiver
from tests.unit.ops.fakes import FakeStack, fake_stack


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    plain = fake_stack(tmp_path)
    notify = {"team": Receiver(apprise="URL", events=("deploy.*",)), "pager": Receiver(apprise="OTHER")}
    return replace(plain, project=replace(plain.project, settings=with_fields(plain.project.settings, notify=notify)))


def test_each_target_has_its_result(stack: FakeStack) -> None:
    def send(receiver: Receiver, message: Message, project: str) -> tuple[str, bool]:
        return ("no connection" if receiver.apprise == "OTHER" else ""), False

    duty = Notifications(lambda: (stack,), lambda: True, send=send)
    results = view.test(stack, ["team", "pager"], sleep=lambda _: duty.run(lambda event: None))
    assert {name: result and result.error for name, result in results.items()} == {"team": "", "pager": "no connection"}
    assert DOCUMENT.read(stack.store, "shop").queue == ()


def test_without_an_answer_it_is_taken_back(stack: FakeStack) -> None:
    times = iter([0.0, view.PATIENCE / 2, view.PATIENCE + 1])
    assert view.test(stack, ["team"], lambda: next(times), lambda _: None) == {"team": None}
    assert DOCUMENT.read(stack.store, "shop").queue == ()


def test_an_unknown_target_is_refused(stack: FakeStack, tmp_path: Path) -> None:
    assert view.chosen(stack, "") == ("team", "pager")
    assert view.chosen(stack, "pager") == ("pager",)
    with pytest.raises(UsageError, match="no target mail"):
        view.chosen(stack, "mail")
    with pytest.raises(ConfigError):
        view.chosen(fake_stack(tmp_path), "")
