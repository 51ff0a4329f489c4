"""An image is remembered by its variables, however it is written."""

from __future__ import annotations

import pytest

from ops.project.image_template import names_in, render, solve


@pytest.mark.parametrize(
    ("template", "image", "values"),
    [
        ("app:${TAG}", "app:2", {"TAG": "2"}),
        ("app:${TAG:-1}", "app:2", {"TAG": "2"}),
        ("app:$TAG", "app:2", {"TAG": "2"}),
        ("app:${TAG:?no tag}", "app:2", {"TAG": "2"}),
        ("${REGISTRY}/app:${TAG}", "localhost:5000/app:2", {"REGISTRY": "localhost:5000", "TAG": "2"}),
        ("${REGISTRY}app:${TAG:-1}", "app:2", {"REGISTRY": "", "TAG": "2"}),
        ("${IMAGE:-app:1}", "ghcr.io/shop/app@sha256:1", {"IMAGE": "ghcr.io/shop/app@sha256:1"}),
        ("${IMAGE:-app:${TAG:-1}}", "app:2", {"IMAGE": "app:2"}),
        ("${REPOSITORY:-app}:${TAG:-1}", "host:5000/app:2", {"REPOSITORY": "host:5000/app", "TAG": "2"}),
        ("app-${TAG}:${TAG}", "app-2:2", {"TAG": "2"}),
        ("app:1", "app:1", {}),
        ("app:${TAG}", "other:2", None),
        ("app-${TAG}:${TAG}", "app-1:2", None),
        ("${REPOSITORY}:${TAG}", "host:5000/app", None),
        ("${REGISTRY:-docker.io}/app:${TAG}", "/app:2", None),
        ("app:${DEBUG:+debug}", "app:debug", None),
        ("app:1", "app:2", None),
        ("app:${TAG", "app:2", {"TAG": "2"}),
    ],
)
def test_the_values_that_name_an_image(template: str, image: str, values: dict[str, str] | None) -> None:
    assert solve(template, image) == values
    if values is not None:
        assert render(template, values) == image
        assert set(values) == names_in(template)


@pytest.mark.parametrize(
    ("template", "values", "image"),
    [
        ("app:${TAG:-1}", {}, "app:1"),
        ("app:${TAG:-1}", {"TAG": ""}, "app:1"),
        ("app:${TAG-1}", {"TAG": ""}, "app:"),
        ("${IMAGE:-app:${TAG:-1}}", {"TAG": "3"}, "app:3"),
        ("app${DEBUG:+-debug}:1", {"DEBUG": "y"}, "app-debug:1"),
        ("app${DEBUG:+-debug}:1", {}, "app:1"),
        ("app:$$1", {}, "app:$1"),
    ],
)
def test_values_are_set_as_compose_does(template: str, values: dict[str, str], image: str) -> None:
    assert render(template, values) == image
