"""Labels and variables as a mapping."""

from __future__ import annotations

import pytest

from ops.project.mappings import as_mapping


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ({"a": "b"}, {"a": "b"}),
        (["a=b", "c=d=e", "f"], {"a": "b", "c": "d=e", "f": None}),
        ([], {}),
        (None, {}),
        ("${LABELS}", {}),
    ],
)
def test_labels_may_be_a_mapping_or_a_list(labels: object, wanted: dict[str, object]) -> None:
    assert as_mapping(labels) == wanted
