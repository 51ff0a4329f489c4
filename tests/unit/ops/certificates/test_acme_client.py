"""What an authority answers, in words and with the time that it wants to be left alone."""

from __future__ import annotations

import io
from types import SimpleNamespace

import msgspec
import pytest

pytest.importorskip("acme")

import requests

from ops.certificates import acme_client
from ops.certificates.protocol import Authority, Failed, Order, Reply


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (
            429,
            {"Retry-After": "120"},
            b'{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many certificates"}',
            ("rateLimited: too many certificates", 120),
        ),
        (
            500,
            {},
            b'{"type": "urn:ietf:params:acme:error:serverInternal", "title": "no"}',
            ("serverInternal: no", None),
        ),
        (503, {"Retry-After": "60"}, b"maintenance", ("the certificate authority answers with HTTP 503", 60)),
        (200, {}, b"<html>", ("Unexpected response Content-Type: None", None)),
    ],
)
def test_an_error_of_the_authority(
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    headers: dict[str, str],
    body: bytes,
    expected: tuple[str, float | None],
) -> None:
    def answered(*arguments: object, **options: object) -> requests.Response:
        response = requests.Response()
        response.status_code, response._content = status, body
        response.headers.update(headers)
        return response

    monkeypatch.setattr(requests.Session, "request", answered)
    monkeypatch.setattr(acme_client.Network, "retry_after", None)
    order = msgspec.json.encode(Order(Authority("https://ca.example/dir"), "a.example"))
    output = io.BytesIO()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(order + b"\n")))
    monkeypatch.setattr("sys.stdout", SimpleNamespace(buffer=output))
    acme_client.main()
    reply = msgspec.json.decode(output.getvalue(), type=Reply)
    assert isinstance(reply, Failed)
    assert reply.reason == expected[0]
    assert reply.retry_after == (None if expected[1] is None else pytest.approx(expected[1], abs=5))
