"""Which services videa scales, and the section of each."""

from __future__ import annotations

from typing import Any

import pytest

from ops.errors import ConfigError
from ops.project.sections import find_sections


def test_the_section_may_be_at_the_top() -> None:
    sections = find_sections({"services": {"web": {}}, "x-videa": {"service": "web", "port": 80}})
    assert sections.written == {"web": {"service": "web", "port": 80}}
    assert sections.default == "web"


def test_the_section_may_be_in_the_service_and_empty() -> None:
    sections = find_sections({"services": {"web": {"x-videa": None}, "db": {}}})
    assert sections.written == {"web": {"service": "web"}}
    assert find_sections({"services": {"backend": {}}, "x-videa": None}).written == {"backend": {"service": "backend"}}


def test_each_service_has_its_own_section_on_top_of_the_common_keys() -> None:
    model = {
        "services": {
            "web": {"x-videa": {"port": 80, "health": {"ready": "/up"}}},
            "db": {},
            "mail": {"x-videa": {"worker": True}},
        },
        "x-videa": {"balancer": "lb", "health": {"deadline": "30s", "ready": "/"}},
    }
    sections = find_sections(model)
    assert sections.written == {
        "web": {"service": "web", "balancer": "lb", "port": 80, "health": {"deadline": "30s", "ready": "/up"}},
        "mail": {"service": "mail", "balancer": "lb", "worker": True, "health": {"deadline": "30s", "ready": "/"}},
    }
    assert sections.default == "web"


def test_sections_may_be_together_at_the_top() -> None:
    model = {"services": {"web": {}, "api": {}}, "x-videa": {"services": {"api": {"port": 1}, "web": {"port": 2}}}}
    sections = find_sections(model)
    assert {name: section["port"] for name, section in sections.written.items()} == {"web": 2, "api": 1}


def test_of_several_services_with_requests_only_the_named_one_is_the_default() -> None:
    services: dict[str, Any] = {"web": {}, "api": {"x-videa": {}}, "mail": {"x-videa": {"worker": True}}}
    assert find_sections({"services": services, "x-videa": {"services": {"web": {}}}}).default == ""
    assert find_sections({"services": services, "x-videa": {"service": "web"}}).default == "web"
    assert find_sections({"services": {**services, "web": {}}}).default == "api"


def test_the_keys_at_the_top_are_those_of_the_service_that_they_name() -> None:
    model = {"services": {"web": {}, "mail": {"x-videa": {"worker": True}}}, "x-videa": {"service": "web", "port": 80}}
    sections = find_sections(model)
    assert sections.written == {"web": {"service": "web", "port": 80}, "mail": {"worker": True, "service": "mail"}}
    assert sections.default == "web"
    model["x-videa"]["balancer"] = "lb"  # the one of the project
    assert [section["balancer"] for section in find_sections(model).written.values()] == ["lb", "lb"]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"services": {"web": {}}}, "no x-videa section"),
        ({"services": {"a": {}, "b": {}}, "x-videa": {"service": ["a", "b"]}}, "must be the name of a service"),
        ({"services": {"a": {"x-videa": {}}}, "x-videa": {"service": "a"}}, "defined twice for a"),
        ({"services": {"a": {"x-videa": {}}}, "x-videa": {"services": {"a": {}}}}, "defined twice for a"),
        ({"services": {"a": {}}, "x-videa": "a"}, "x-videa must be a mapping"),
        ({"services": {"a": {"x-videa": [1]}}}, r"services\.a\.x-videa must be a mapping"),
        ({"services": {"a": {}}, "x-videa": {"services": ["a"]}}, r"x-videa\.services must be a mapping"),
    ],
)
def test_an_ambiguous_section_is_refused(model: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        find_sections(model)
