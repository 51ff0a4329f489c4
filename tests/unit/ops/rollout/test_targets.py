"""The serving release, and the tag of a built image after a rollback."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ops.errors import PlanRefused
from ops.events import discard
from ops.fleet import Fleet
from ops.models import Replica
from ops.operations import Operation
from ops.rollout.targets import current_target, image_to_return, return_tag, serving_release, variables_of
from tests.unit.ops.disturbances import quiet
from tests.unit.ops.fakes import NAME, FakeStack, fake_stack
from tests.unit.ops.fakes.compose import MODEL
from tests.unit.ops.rollout.model import NEW, OLD, fleet, member


@pytest.mark.parametrize(
    ("now", "release"),
    [
        (fleet(member(1), member(2), member(3, NEW, listed=False)), OLD),
        (fleet(member(1), member(2), member(3, NEW)), OLD),
        (fleet(member(1), member(2, NEW, ready=False)), OLD),
        (fleet(member(1, listed=False), member(2, NEW)), NEW),
        (fleet(member(1), member(2, NEW), member(3, NEW)), NEW),
        (fleet(member(1), member(2, NEW)), OLD),
        (fleet(member(1, state="exited"), member(2, NEW, ready=False)), NEW),
        (fleet(member(1, ready=False), member(2, NEW, listed=False)), NEW),
        (fleet(), ""),
    ],
)
def test_the_serving_release_is_that_of_most_ready_and_listed_replicas(now: Fleet, release: str) -> None:
    assert serving_release(now) == release


ONE = replace(member(1).replica, image="shop-web", image_id="sha256:old")
OTHER = replace(ONE, image_id="sha256:new")


@pytest.mark.parametrize(
    ("replicas", "image"),
    [
        ([ONE, ONE], "sha256:old"),
        ([replace(ONE, image="shop-web:latest")], None),
        ([ONE, OTHER], None),
        ([ONE, replace(OTHER, state="exited")], "sha256:old"),
        ([replace(ONE, image="else:1")], None),
        ([], None),
    ],
)
def test_the_tag_returns_to_the_image_of_all_running_replicas(replicas: list[Replica], image: str | None) -> None:
    assert image_to_return("shop-web", replicas) == image


@pytest.mark.parametrize("image", ["app:1", f"{NAME}-app"], ids=["a literal image", "only built"])
def test_after_a_failed_build_a_plain_up_starts_the_image_that_serves(tmp_path: Path, image: str) -> None:
    stack = fake_stack(tmp_path, replicas=0)
    stack.platform.add(image)
    written = f"image: {image}\n    " if ":" in image else ""
    stack.project.compose.model = MODEL.replace("image: ${APP_IMAGE:-app:old}\n    ", written)
    service = {**stack.project.service, "build": ".", "image": image}
    project = replace(stack.project, model={**stack.project.model, "services": {"app": service}})
    images = stack.platform.images
    serving = images.digest(image)
    images.tag("sha256:bad", image)
    return_tag(replace(stack, project=project))
    assert images.digest(image) == serving


@pytest.mark.parametrize("recorded", ["", "APP_IMAGE=app:1\n"])
def test_a_tag_that_only_the_shell_has_is_recorded_with_the_release(tmp_path: Path, recorded: str) -> None:
    """So that a plain `docker compose up -d` in another shell does not go back to the tag before."""
    stack = fake_stack(tmp_path)
    stack.project.env_file.write_text(recorded)
    shell = {"APP_IMAGE": "app:2", "HOME": "/home/ops", "UNUSED": "1"}
    project = replace(stack.project, environment=shell)
    variables = variables_of(project, current_target(replace(stack, project=project)), 2)
    assert variables["APP_IMAGE"] == "app:2"
    assert not variables.keys() & {"HOME", "UNUSED"}


def from_the_shell(folder: Path, image: str) -> FakeStack:
    """Two replicas of app:old that somebody has started with APP_IMAGE in the shell, as it is now."""
    stack = fake_stack(folder)
    project = replace(stack.project, environment={"APP_IMAGE": image, "HOME": "/root"})
    project.model["services"]["app"]["image"] = image
    return replace(stack, project=project)


@pytest.mark.parametrize("wanted", [1, 3])
def test_a_scale_records_what_its_release_has_only_from_the_shell(tmp_path: Path, wanted: int) -> None:
    stack = from_the_shell(tmp_path, "app:old")
    Operation(stack, discard, "videa scale").scale(lambda present: wanted)
    assert stack.project.env_file.read_text() == f"APP_REPLICAS={wanted}\nAPP_IMAGE=app:old\n"


def test_a_scale_does_not_record_what_another_release_would_have_from_the_shell(tmp_path: Path) -> None:
    stack = from_the_shell(tmp_path, "app:new")
    with pytest.raises(PlanRefused, match="has changed since this release was deployed"):
        Operation(stack, discard, "videa scale").scale(lambda present: 3)
    Operation(stack, discard, "videa scale").scale(lambda present: 1)
    assert stack.project.env_file.read_text() == "APP_REPLICAS=1\n"


__all__ = ["quiet"]
