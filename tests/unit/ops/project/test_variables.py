"""The variables in a Compose file, as its authors may write them."""

from __future__ import annotations

import pytest

from ops.project.variables import only_variable, variables_in


def test_variables_are_found_at_any_depth_and_not_behind_two_dollars() -> None:
    service = {"image": "${IMAGE:-web}:$TAG", "environment": ["A=${B-}", "C=$$D"], "deploy": {"replicas": 2}}
    assert variables_in(service) == {"IMAGE", "TAG", "B"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("${IMAGE:-web:1}", "IMAGE"),
        ("$IMAGE", "IMAGE"),
        ("${IMAGE:?no image}", "IMAGE"),
        ("web:${TAG}", None),
        ("web", None),
        (2, None),
    ],
)
def test_only_a_variable_that_is_the_whole_value_can_record_another_one(text: object, name: str | None) -> None:
    assert only_variable(text) == name
