"""Image references: with a registry's port, a tag, a digest, or none of them."""

from __future__ import annotations

import re

import pytest

from ops.image_ref import ImageRef, component

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("reference", "parts", "version"),
    [
        ("app", ImageRef("app"), "latest"),
        ("app:42", ImageRef("app", "42"), "42"),
        ("host:5000/app", ImageRef("host:5000/app"), "latest"),
        ("host:5000/team/app:42", ImageRef("host:5000/team/app", "42"), "42"),
        (f"app@{DIGEST}", ImageRef("app", "", DIGEST), DIGEST),
        (f"host:5000/app:42@{DIGEST}", ImageRef("host:5000/app", "42", DIGEST), DIGEST),
        (f"ghcr.io/a/b@{DIGEST}", ImageRef("ghcr.io/a/b", "", DIGEST), DIGEST),
        ("[::1]:5000/app:1", ImageRef("[::1]:5000/app", "1"), "1"),
        ("localhost/app", ImageRef("localhost/app"), "latest"),
    ],
)
def test_a_reference_is_parsed_and_built_again(reference: str, parts: ImageRef, version: str) -> None:
    assert ImageRef.parse(reference) == parts
    assert str(parts) == reference
    assert parts.version == version


@pytest.mark.parametrize("text", ["shop-web", "my__app-web", "a.b", "Shop-Web", "a---b"])
def test_an_allowed_name_does_not_change(text: str) -> None:
    assert component(text) == text.lower()


@pytest.mark.parametrize("text", ["shop_-web", "shop-_web", "a--_b", "-x", "web_", "a..b", "a___b", "_", "é"])
def test_any_name_becomes_an_allowed_one(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", component(text))


def test_different_names_stay_different() -> None:
    assert len({component(text) for text in ("shop_-web", "shop--_web", "shop-web", "shop-_web")}) == 4
