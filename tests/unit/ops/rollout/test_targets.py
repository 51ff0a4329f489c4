"""What a deploy starts, and what the tag of a built image means once it was put back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.models import Replica
from ops.rollout.targets import image_to_return
from tests.unit.ops.rollout.model import member

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
def test_the_tag_goes_back_to_what_all_replicas_run(replicas: list[Replica], image: str | None) -> None:
    assert image_to_return("shop-web", replicas) == image
