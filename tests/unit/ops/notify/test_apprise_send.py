"""apprise in its own process; its JSON service stands for the others."""

from __future__ import annotations

import pytest

from ops.notify.apprise_send import FAILURES, Order, send
from tests.unit.ops.notify.receiver import Receiver


def order(url: str) -> Order:
    return Order(url, "shop: replica out", "app-1: no answer", "warning")


def test_it_delivers_and_says_when_it_does_not() -> None:
    with Receiver(200).up() as receiver:
        url = f"json://127.0.0.1:{receiver.port}/hook"
        assert send(order(url)) == ""
        receiver.status = 500
        assert send(order(url)) == FAILURES[3]
    body = receiver.got[0].json
    assert (body["title"], body["message"], body["type"]) == ("shop: replica out", "app-1: no answer", "warning")


def test_an_unknown_url_is_named_without_its_text(capfd: pytest.CaptureFixture[str]) -> None:
    assert send(order("nonsense://verysecret")) == FAILURES[2]
    assert capfd.readouterr() == ("", "")
