"""Which release runs, and what the tag of a built image means once a deploy was put back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.fleet import Fleet
from ops.models import Replica
from ops.rollout.targets import image_to_return, serving_release
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
def test_the_release_that_serves_is_the_one_that_runs(now: Fleet, release: str) -> None:
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
def test_the_tag_goes_back_to_what_all_replicas_run(replicas: list[Replica], image: str | None) -> None:
    assert image_to_return("shop-web", replicas) == image
