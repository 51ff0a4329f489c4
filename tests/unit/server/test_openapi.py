from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from server.auth.credentials import Credentials, SignIn
from server.openapi import EXAMPLES, build
from server.titles import TitleChanges, TitleFields


def test_every_reference_leads_somewhere() -> None:
    document = build("v1")
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert references <= set(document["components"]["schemas"])


def test_bounds_of_the_validation_are_in_the_description() -> None:
    schemas = build("v1")["components"]["schemas"]
    fields = schemas["TitleFields"]
    assert fields["additionalProperties"] is False
    assert fields["properties"]["year"] == {"type": "integer", "minimum": 1888, "maximum": 2100}
    assert fields["properties"]["title"]["maxLength"] == 200
    assert set(fields["required"]) == {"title", "year"}


def test_examples_would_be_accepted() -> None:
    types = {kind.__name__: kind for kind in (TitleFields, TitleChanges, Credentials, SignIn)}
    assert types.keys() == EXAMPLES.keys()
    for name, example in EXAMPLES.items():
        assert msgspec.convert(example, types[name])


def test_paths_with_errors_describe_them_as_problems() -> None:
    for operations in build("v1")["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if status.startswith("4"):
                    assert list(answer["content"]) == ["application/problem+json"]


def test_every_operation_says_what_it_does_with_an_access_token() -> None:
    for path, operations in build("v1")["paths"].items():
        for method, operation in operations.items():
            schemes, text, refused = operation["security"], operation["description"], "401" in operation["responses"]
            if schemes == []:
                assert "is ignored" in text, (method, path)
            else:
                assert refused, (method, path)
                assert ("Needs no" in text) is (schemes[0] == {})


@pytest.mark.parametrize("name", ["register", "login", "refresh", "logout"])
def test_what_gives_or_ends_tokens_needs_none(name: str) -> None:
    assert build("v1")["paths"][f"/api/v1/auth/{name}"]["post"]["security"] == []


def test_the_page_about_the_api_lists_every_operation() -> None:
    page = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text()
    words = {"is ignored": "ignored", "Needs no access token. With": "optional", "Needs an": "needed"}
    rows = [
        f"| `{method.upper()} {path}` | {operation['summary']} | "
        + next(word for text, word in words.items() if text in operation["description"])
        + " |"
        for path, operations in build("v1")["paths"].items()
        for method, operation in operations.items()
    ]
    assert [line for line in page.splitlines() if line.startswith("| `")] == rows
