"""The signed JSON webhook of https://www.standardwebhooks.com: the libraries there verify the signature."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime

import msgspec

from ops.notify.message import Message

PREFIX = "whsec_"
"""The prefix of a base64 key; a key without it is used unchanged."""

CONNECT, ANSWER = 5.0, 10.0
"""Timeouts in seconds."""

USELESS = frozenset({400, 413, 422})
"""Statuses that refuse this message permanently. All other errors may be fixed at the receiver."""


def body_of(message: Message, project: str) -> bytes:
    """The message as JSON."""
    at = datetime.fromtimestamp(message.time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return msgspec.json.encode(
        {
            "type": message.kind,
            "timestamp": at,
            "data": {
                "id": message.id,
                "project": project,
                "severity": message.severity,
                "title": message.title,
                "text": message.text,
                "count": message.count,
            },
        }
    )


def headers_of(id: str, body: bytes, key: str, now: float) -> dict[str, str]:
    """The headers of a try at ``now``, Unix time. Raises ValueError if the key is invalid."""
    if not key:
        raise ValueError("the key is empty")
    try:
        secret = base64.b64decode(key[len(PREFIX) :], validate=True) if key.startswith(PREFIX) else key.encode()
    except binascii.Error as error:
        raise ValueError(f"the key is not base64 after {PREFIX}") from error
    moment = str(int(now))
    signed = hmac.new(secret, f"{id}.{moment}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "videa",
        "webhook-id": id,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


def post(url: str, headers: dict[str, str], body: bytes) -> tuple[str, bool]:
    """Sends it: (why it failed, "" if it did not; whether retrying is useless). No text contains the URL."""
    import requests  # noqa: PLC0415  only a process that sends needs it

    if not url.startswith(("http://", "https://")):
        return "the URL does not start with https:// or http://", False
    try:
        with requests.post(  # a redirect would send it to another receiver
            url, data=body, headers=headers, timeout=(CONNECT, ANSWER), allow_redirects=False, stream=True
        ) as answer:
            status = answer.status_code
    except requests.exceptions.SSLError:
        return "the certificate of the receiver is not valid here", False
    except requests.exceptions.Timeout:
        return "no answer in time", False
    except requests.exceptions.ConnectionError:
        return "no connection", False
    except (requests.exceptions.RequestException, ValueError):
        return "the URL is not valid", False
    return ("", False) if 200 <= status < 300 else (f"the receiver answered {status}", status in USELESS)
