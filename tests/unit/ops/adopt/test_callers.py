"""Services that ask an adopted one past the balancer."""

from __future__ import annotations

from typing import Any

import pytest

from ops.adopt.callers import about_callers, configured_elsewhere
from ops.adopt.detect import Found, Role
from ops.adopt.plan import Choice
from ops.route import Route


def noted(spec: dict[str, Any], *elsewhere: str) -> list[tuple[str, str]]:
    services = {
        "web": {"environment": {"SELF": "http://web:3000"}},
        "api": {"container_name": "the-api"},
        "other": spec,
    }
    choices = (Choice("web", 3000, {}), Choice("api", 8000, {}, requests=Route("a.example", "/api")))
    notes = about_callers(choices, {"services": services}, "balancer", elsewhere)
    return [(".".join(note.key[1:]), note.change) for note in notes]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"environment": {"HOOK": "http://web:3000/hook"}}, [("other.environment", "http://balancer:8080")]),
        ({"command": ["serve", "--to=ws://web"]}, [("other.command", "http://balancer:8080")]),
        (
            {"environment": {"API": "https://user:password@the-api:8000/v1"}},
            [("other.environment", "http://balancer:8080/api with Host: a.example")],
        ),
        ({"environment": {"A": "http://web.example/", "B": "http://webs:3000", "C": "redis://web:1"}}, []),
        ({"environment": {"A": None}}, []),
    ],
)
def test_a_url_of_an_adopted_service_leads_past_the_balancer(
    spec: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert noted(spec) == expected


def test_a_secret_in_the_url_is_not_shown() -> None:
    services = {"web": {}, "other": {"environment": {"API": "https://user:password@web:8000/v1"}}}
    (note,) = about_callers((Choice("web", 1, {}),), {"services": services}, "balancer", ())
    assert "API of other" in note.what
    assert "password" not in f"{note}"


def test_a_tunnel_that_is_configured_elsewhere_is_named_unless_it_tells_where_it_sends() -> None:
    assert noted({}, "other") == [
        ("other.image", "where it names web, api, let it name balancer:8080, after `videa up`")
    ]
    assert noted({"command": "--upstream=http://web:3000"}, "other") == [("other.command", "http://balancer:8080")]
    found = (
        Found("tunnel", Role.PROXY, ""),
        Found("nginx", Role.PROXY, ""),
        Found("known", Role.PROXY, "", targets=("web",)),
    )
    images = {"tunnel": "cloudflare/cloudflared", "nginx": "nginx", "known": "kong"}
    assert configured_elsewhere(found, {name: {"image": image} for name, image in images.items()}) == ("tunnel",)
