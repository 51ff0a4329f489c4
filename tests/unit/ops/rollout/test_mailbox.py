"""One command waits for a running operation; nothing takes the place of an abort."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from ops.engine import marker
from ops.engine.marker import Marker
from ops.rollout.mailbox import Mailbox


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    """A mailbox on an engine that only knows markers by their name."""
    there: dict[str, Marker] = {}

    def create(_: object, name: str, labels: Mapping[str, str], number: int) -> str | None:
        if name in there:
            return None
        there[name] = Marker(name, labels, number, datetime(2026, 1, 1, tzinfo=UTC))
        return name

    monkeypatch.setattr(marker, "create", create)
    monkeypatch.setattr(marker, "find", lambda _, name: there.get(name))
    monkeypatch.setattr(marker, "remove", lambda _, name: there.pop(name, None))
    return Mailbox(object(), "shop")  # type: ignore[arg-type]


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
def test_the_last_command_waits_and_an_abort_stays_one(mailbox: Mailbox, sent: list[str], taken: str) -> None:
    for verb in sent:
        mailbox.send(verb)
    command = mailbox.take()
    assert command is not None
    assert command.verb == taken
    assert mailbox.take() is None
