"""What `videa agent status` shows, and that a second process that watches is refused."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from ops.agent.watcher import SHORTEST, Watcher
from ops.ejected import Ejected
from ops.errors import LockHeld
from tests.unit.ops.fakes import FakeStack, fake_stack
from videa_cli.commands import Commands


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    return fake_stack(tmp_path)


def videa(stack: FakeStack, *words: str) -> None:
    options = SimpleNamespace(stack=lambda: stack, project="shop")
    name, *arguments = words
    Commands()[name].main(arguments, obj=options, standalone_mode=False)


def test_without_anybody_it_says_how_to_start_the_agent(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    videa(stack, "agent", "status")
    shown = capsys.readouterr().out
    assert "nobody watches this project\n" in shown
    assert "docker compose up -d agent" in shown


def test_it_shows_who_watches_and_what_is_out(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    Watcher(stack.store, "shop", "videa agent", "1.2").claim(10)
    Ejected(stack.store, "shop").write({"shop-app-1": "container0001"})
    stack.world.now += 4
    videa(stack, "agent", "status")
    shown = capsys.readouterr().out
    assert "`videa agent`" in shown
    assert "videa 1.2; last round 4 s ago" in shown
    assert "out of the balancer: shop-app-1" in shown
    videa(stack, "agent", "status", "--json")
    fields = json.loads(capsys.readouterr().out)
    assert (fields["runs"], fields["version"], fields["ejected"]) == (True, "1.2", ["shop-app-1"])


def test_it_shows_when_one_that_was_killed_was_last_there(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    Watcher(stack.store, "shop", "videa agent", "1.2").claim(1)
    stack.world.now += SHORTEST + 1
    videa(stack, "agent", "status")
    assert f"had its last round {SHORTEST + 1} s ago" in capsys.readouterr().out


def test_a_second_one_is_told_who_watches(stack: FakeStack) -> None:
    Watcher(stack.store, "shop", "videa agent").claim(10)
    with pytest.raises(LockHeld, match=r"`videa agent` of .* watches this project already"):
        videa(stack, "watch")
