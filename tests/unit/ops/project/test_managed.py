"""Whether the sections of several services fit together."""

from __future__ import annotations

from typing import Any

import pytest

from ops.errors import ConfigError
from ops.project.managed import read_managed, site
from ops.project.sections import find_sections


def chosen(**sections: dict[str, Any]) -> str:
    """The default service of a project with these services and nginx."""
    model = {"services": {"nginx": {}, **{name: {"x-videa": section} for name, section in sections.items()}}}
    found = find_sections(model)
    return site(read_managed(model, found), found.default)


def test_several_services_get_requests_if_their_routes_differ() -> None:
    api, host = {"route": {"path": "/api"}}, {"route": {"host": "a.example", "path": "/api"}}
    assert chosen(mail={"worker": True}, api=api, web={}, shop=host) == "web"
    assert chosen(api=api, shop=host) == "api"


@pytest.mark.parametrize(
    ("sections", "problem", "hint"),
    [
        ({"web": {}, "api": {}}, "web and api have no route, so both would get every request", "worker: true"),
        ({"web": {"route": {"path": "/"}}, "api": {}}, "web and api have no route", "route: {path: /api}"),
        (
            {"a": {"route": {"host": "X.example", "path": "/v"}}, "b": {"route": {"host": "x.example", "path": "/v/"}}},
            "a and b have the same route, x.example/v",
            "another host or path",
        ),
        ({"mail": {"worker": True}}, "no service of x-videa gets requests", "remove `worker: true`"),
        ({"a": {"balancer": "a"}}, "name the same service", "runs nginx"),
    ],
)
def test_what_does_not_fit_is_refused(sections: dict[str, dict[str, Any]], problem: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        chosen(**sections)
    assert problem in refused.value.message
    assert hint in refused.value.hint
