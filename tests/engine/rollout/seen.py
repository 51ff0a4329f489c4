"""What a client and a second terminal see of an operation that runs."""

from __future__ import annotations

import json
import time
from urllib.request import Request, urlopen

from ops.factory import open_store
from ops.rollout.journal import Journal
from tests.engine.conftest import LiveStack
from videa_cli.words import words


def key_of_testers(stack: LiveStack) -> str:
    """The project's key, as its operator gets it."""
    return stack.done("config", "--tester-header").strip().removeprefix("X-Videa-Canary: ")


def release_of(stack: LiveStack, header: str = "", cookie: str = "") -> str:
    """Which release answers, through nginx."""
    headers = {"X-Videa-Canary": header, "Cookie": f"theme=dark; videa_canary={cookie}"}
    with urlopen(Request(f"{stack.url}/api/v1/whoami", headers=headers), timeout=10) as answer:
        found: str = json.load(answer)["release"]
        return found


def last_of_history(stack: LiveStack) -> dict[str, object]:
    found: dict[str, object] = json.loads(stack.done("history", "--json"))["operations"][-1]
    return found


def standing(stack: LiveStack) -> str:
    """What the running operation has written last, in words; empty without one."""
    time.sleep(0.2)
    state = Journal(open_store(), stack.project).read()
    return words(state.standing) if state else ""
