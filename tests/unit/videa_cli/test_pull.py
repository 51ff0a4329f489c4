"""The same tag pushed again is a new release, and comes back if the deploy fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.errors import ImageUnavailable, VideaError
from ops.events import discard
from ops.operations import Operation
from tests.unit.ops.disturbances import Killed, quiet
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.world import APP
from videa_cli.deploying import Asked, deploy_services


def pushed_again(folder: Path, **keys: Any) -> FakeStack:
    """A stack whose tag is another image in the registry. ``keys``: of the service."""
    stack = fake_stack(folder)
    stack.platform.images.pushed["app:old"] = "sha256:again"
    model: Any = stack.project.model
    model["services"][APP] |= keys
    return stack


def deploy(stack: FakeStack, dry_run: bool = False, image: str | None = None, **asked: Any) -> None:
    deploy_services(Operation(stack, discard, "videa deploy"), (), image, False, Asked("rolling", **asked), dry_run)


def running(stack: FakeStack) -> set[str]:
    return {replica.image_id for replica in stack.platform.by_name.values()}


@pytest.mark.parametrize(("keys", "pull"), [({}, True), ({"pull_policy": "always"}, False)])
def test_the_tag_is_pulled_and_every_replica_replaced(tmp_path: Path, keys: dict[str, str], pull: bool) -> None:
    stack = pushed_again(tmp_path, **keys)
    deploy(stack, pull=pull)
    assert stack.platform.images.pulled == ["app:old"]
    assert running(stack) == {"sha256:again"}


@pytest.mark.parametrize("keys", [{"pull_policy": "never"}, {"build": {"context": "."}}, {"pull_policy": "missing"}])
def test_what_need_not_be_pulled_is_not(tmp_path: Path, keys: dict[str, Any]) -> None:
    stack = pushed_again(tmp_path, **keys)
    deploy(stack, pull=keys.get("pull_policy") != "missing")
    assert stack.platform.images.pulled == []


def test_a_plan_pulls_nothing(tmp_path: Path) -> None:
    stack = pushed_again(tmp_path, pull_policy="always")
    deploy(stack, dry_run=True, pull=True)
    assert stack.platform.images.pulled == []


def test_after_a_failure_the_tag_means_the_running_image_again(tmp_path: Path) -> None:
    stack = pushed_again(tmp_path)
    stack.world.sick.add("shop-app-3")
    with pytest.raises(VideaError):
        deploy(stack, pull=True)
    assert running(stack) == {"sha256:app:old"}
    assert stack.platform.images.digest("app:old") == "sha256:app:old"


def test_an_abort_by_another_process_returns_the_tag_too(tmp_path: Path) -> None:
    stack = pushed_again(tmp_path)

    def kill(call: str) -> None:
        if call == "created":
            raise Killed

    stack.world.disturb = kill
    with pytest.raises(Killed):
        deploy(stack, pull=True)
    stack.world.disturb = lambda call: None
    assert stack.platform.images.digest("app:old") == "sha256:again"
    Operation(stack, discard, "videa abort").abort()
    assert stack.platform.images.digest("app:old") == "sha256:app:old"


def test_an_image_that_is_never_pulled_must_be_there(tmp_path: Path) -> None:
    stack = pushed_again(tmp_path, pull_policy="never")
    stack.platform.images.missing.add("app:other")
    with pytest.raises(ImageUnavailable, match="pull_policy is never"):
        deploy(stack, image="app:other")


__all__ = ["quiet"]
