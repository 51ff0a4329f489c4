"""The signed webhook, as a receiver sees it."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from ops.notify import webhook
from ops.notify.message import Message
from tests.unit.ops.notify.receiver import Receiver

MESSAGE = Message("id1", 1700000000.25, "replica.out", "warning", "replica out", "app-1: no answer")
KEY = "whsec_" + base64.b64encode(b"0123456789abcdef").decode()


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of https://github.com/standard-webhooks/standard-webhooks, computed there by its libraries."""
    body = b'{"test": 2432232314}'
    headers = webhook.headers_of(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", body, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1614265330
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_can_check_it_and_read_it() -> None:
    body = webhook.body_of(MESSAGE, "shop")
    with Receiver().up() as receiver:
        assert webhook.post(receiver.url, webhook.headers_of("id1", body, KEY, 1700000001.9), body) == ("", False)
    (got,) = receiver.got
    signed = f"{got.id}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = base64.b64encode(hmac.new(b"0123456789abcdef", signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    assert got.headers["webhook-timestamp"] == "1700000001"
    assert got.json == {
        "type": "replica.out",
        "timestamp": "2023-11-14T22:13:20.250Z",
        "data": {
            "id": "id1",
            "project": "shop",
            "severity": "warning",
            "title": "replica out",
            "text": "app-1: no answer",
            "count": 1,
        },
    }


@pytest.mark.parametrize("key", ["", "whsec_not base64"])
def test_a_bad_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        webhook.headers_of("id1", b"", key, 0)


@pytest.mark.parametrize(("status", "final"), [(500, False), (404, False), (429, False), (400, True), (413, True)])
def test_any_other_answer_is_a_failure(status: int, final: bool) -> None:
    with Receiver(status).up() as receiver:
        assert webhook.post(receiver.url, {}, b"{}") == (f"the receiver answered {status}", final)


def test_a_redirect_is_not_followed() -> None:
    with Receiver(307).up() as receiver:
        assert webhook.post(receiver.url, {}, b"{}")[0] == "the receiver answered 307"
    assert len(receiver.got) == 1


@pytest.mark.parametrize("url", ["ftp://host/verysecret", "verysecret", "https://[verysecret", "http://"])
def test_no_text_has_the_url(url: str) -> None:
    error, final = webhook.post(url, {}, b"{}")
    assert error
    assert "verysecret" not in error
    assert not final


def test_a_receiver_that_is_down() -> None:
    with Receiver().up() as receiver:
        pass
    assert webhook.post(receiver.url, {}, b"{}") == ("no connection", False)
