"""The images that are saved by default."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from ops.images.chosen import images_of
from ops.project.config import Project
from tests.unit.ops.fakes.images import FakeImageStore, Image


def test_all_services_and_the_retained_releases_of_the_scaled_ones() -> None:
    kept = ("videa-kept/shop-web:aaa", "videa-kept/shop-web:bbb", "videa-kept/other-web:ccc", "videa-kept/shop-web2:d")
    store = FakeImageStore(dict.fromkeys(kept, Image((b"layer",))))
    model = {"services": {"web": {"image": "app:1"}, "db": {"image": "registry:5000/postgres"}, "built": {}}}
    project = SimpleNamespace(name="shop", model=model, services=("web",), directory=Path())
    project.settings = SimpleNamespace(service="web")
    project.of = lambda _: project
    project.image_of = lambda name: str(model["services"][name].get("image") or f"shop-{name}")
    assert images_of(cast("Project", project), store) == [
        "app:1",
        "registry:5000/postgres:latest",
        "shop-built:latest",
        "videa-kept/shop-web:aaa",
        "videa-kept/shop-web:bbb",
    ]
