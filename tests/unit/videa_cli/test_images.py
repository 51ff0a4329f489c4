"""videa push, videa images: what they print, for people and for scripts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from ops import factory
from ops.errors import UsageError
from ops.events import Emit
from ops.images.everywhere import Connect, Everywhere, Other
from tests.unit.ops.fakes.images import FakeImageStore, Image
from tests.unit.ops.fakes.store import FakeStore
from videa_cli.main import app

BASE, FIRST, SECOND = (os.urandom(size) for size in (50_000, 5000, 5000))
RUNNER = CliRunner()


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeImageStore]:
    """DOCKER_HOST -> an engine; that of this machine has two images."""
    images = {"app:1": Image((BASE, FIRST)), "app:2": Image((BASE, SECOND))}
    stores = {"": FakeImageStore(images), "ssh://shop": FakeImageStore(local=False)}

    def connect(environment: Mapping[str, str] | None = None) -> SimpleNamespace:
        host = (environment or {}).get("DOCKER_HOST", "")
        return SimpleNamespace(close=lambda: None, local=not host, store=stores[host])

    monkeypatch.setattr(factory, "connect", connect)
    monkeypatch.setattr(factory, "image_store", lambda engine: engine.store)
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    return stores


def shown(*arguments: str) -> str:
    result = RUNNER.invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_a_push_says_how_much_it_sends(engines: dict[str, FakeImageStore]) -> None:
    planned = shown("push", "app:1", "--to", "ssh://shop", "--dry-run")
    assert "would send app:1" in planned
    assert "2 of 2 layers" in planned
    assert "nothing was changed (dry run)" in planned
    assert not engines["ssh://shop"].images
    assert "sent app:1" in shown("push", "app:1", "--to", "ssh://shop")
    assert "1 of 2 layers" in shown("push", "app:2", "--to", "ssh://shop")
    assert "nothing to do: app:2 is there" in shown("push", "app:2", "--to", "ssh://shop")


def test_a_push_for_scripts(engines: dict[str, FakeImageStore]) -> None:
    result = json.loads(shown("push", "app:1", "--to", "ssh://shop", "--json"))
    assert (result["image"], result["changed"], result["dry_run"]) == ("app:1", True, False)
    assert result["sent"] == engines["ssh://shop"].received
    events = [json.loads(line) for line in shown("push", "app:2", "--to", "ssh://shop", "--json=events").splitlines()]
    assert [events[0]["type"], events[-1]["type"]] == ["step_started", "outcome"]


def test_without_a_host_it_goes_to_the_engine_of_docker(
    engines: dict[str, FakeImageStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = RUNNER.invoke(app, ["push", "app:1"])
    assert "--to ssh://USER@HOST" in getattr(result.exception, "hint", "")
    monkeypatch.setenv("DOCKER_HOST", "ssh://shop")
    shown("push", "app:1")
    assert set(engines["ssh://shop"].images) == {"app:1"}


def test_all_nodes_get_what_was_sent_before(
    engines: dict[str, FakeImageStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    engines["ssh://new"] = FakeImageStore(local=False)
    nodes, store = [Other("i1", "shop", "ssh://shop")], FakeStore()

    def everywhere(engine: SimpleNamespace, reach: Connect, emit: Emit, user: str, dry_run: bool) -> Everywhere:
        return Everywhere(engine.store, "here", nodes, reach, store, emit, dry_run)

    monkeypatch.setattr(factory, "everywhere", everywhere)
    assert shown("push", "app:1", "--all-nodes").splitlines()[-1].startswith("shop: sent ")
    nodes.append(Other("i2", "new", "ssh://new"))
    assert [line.rsplit(" ", 2)[0] for line in shown("push", "--all-nodes").splitlines()[-2:]] == [
        "shop: app:1: has",
        "new: app:1: sent",
    ]
    found = json.loads(shown("push", "--all-nodes", "--json"))["images"]["app:1"]
    assert {name: each["changed"] for name, each in found.items()} == {"shop": False, "new": False}


def test_only_all_nodes_can_do_without_an_image(engines: dict[str, FakeImageStore]) -> None:
    with pytest.raises(UsageError, match="IMAGE is missing"):
        shown("push", "--to", "ssh://shop")


def test_save_and_load(engines: dict[str, FakeImageStore], tmp_path: Path) -> None:
    path = str(tmp_path / "shop.tar.gz")
    assert "would save 1 image" in shown("images", "save", path, "app:1", "--dry-run")
    assert "saved 2 images" in shown("images", "save", path, "app:1", "app:2")
    del engines[""].images["app:2"]
    assert json.loads(shown("images", "load", path, "--dry-run", "--json"))["changed"] is False
    assert [line.strip() for line in shown("images", "load", path).splitlines()[:2]] == ["app:1: present", "app:2: new"]
    assert "nothing to do" in shown("images", "load", path)
