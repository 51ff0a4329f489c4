"""What is missing is named, and nothing secret."""

from __future__ import annotations

from ops.notify.message import Message
from ops.notify.send import send
from ops.project.settings import Receiver as Target
from tests.unit.ops.notify.receiver import Receiver

MESSAGE = Message("id1", 0.0, "test", "info", "test", "text")
HOOK = Target(webhook="URL", key="KEY")


def test_a_missing_variable_is_named() -> None:
    assert send(HOOK, MESSAGE, "shop", {})[0] == "URL is not set in the agent's environment, nor URL_FILE"
    assert send(HOOK, MESSAGE, "shop", {"URL": "http://127.0.0.1:1"})[0] == "KEY: the key is empty"


def test_both_kinds_arrive() -> None:
    with Receiver(200).up() as receiver:
        assert send(HOOK, MESSAGE, "shop", {"URL": receiver.url, "KEY": "k"}) == ("", False)
        assert send(Target(apprise="URL"), MESSAGE, "shop", {"URL": f"json://127.0.0.1:{receiver.port}"}) == ("", False)
    assert receiver.got[0].id == "id1"
    assert receiver.got[1].json["title"] == "shop: test"
