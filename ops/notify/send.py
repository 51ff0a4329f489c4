"""Sends a message to a target of any kind."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from ops.notify import apprise_send, webhook
from ops.notify.message import Message
from ops.notify.secret import FILE, value_of
from ops.project.settings import Receiver


def send(
    receiver: Receiver, message: Message, project: str, environment: Mapping[str, str] = os.environ
) -> tuple[str, bool]:
    """(why it failed, "" if it did not; whether retrying is useless). No text contains a secret."""
    name = receiver.webhook or receiver.apprise
    url = value_of(name, environment)
    if not url:
        return f"{name} is not set in the agent's environment, nor {name}{FILE}", False
    if receiver.apprise:
        title = f"{project}: {message.title}"
        return apprise_send.send(apprise_send.Order(url, title, message.text, message.severity)), False
    body = webhook.body_of(message, project)
    try:
        headers = webhook.headers_of(message.id, body, value_of(receiver.key, environment), time.time())
    except ValueError as error:
        return f"{receiver.key}: {error}", False
    return webhook.post(url, headers, body)
