"""Which service gets a request."""

from __future__ import annotations

import pytest

from ops.route import Address, Route, entrance, service_of

ROUTES = {
    "web": Route(),
    "api": Route(path="/api", strip=True),
    "old": Route(path="/api/v1"),
    "shop": Route("shop.example"),
    "cart": Route("shop.example", "/cart"),
    "tenants": Route("*.example"),
    "eu": Route("*.eu.example"),
}


@pytest.mark.parametrize(
    ("host", "path", "service"),
    [
        ("", "/", "web"),
        ("localhost", "/api", "api"),
        ("localhost", "/api?x=1", "api"),
        ("localhost", "/api/x", "api"),
        ("localhost", "/apix", "web"),
        ("localhost", "/API", "web"),
        ("localhost", "/api/v1/x", "old"),
        ("localhost", "/api/v10", "api"),
        ("shop.example", "/", "shop"),
        ("SHOP.example", "/cart/1", "cart"),
        ("shop.example", "/api/x", "shop"),
        ("a.example", "/api/x", "tenants"),
        ("a.eu.example", "/", "eu"),
        ("eu.example", "/", "tenants"),
        ("example", "/", "web"),
        ("myexample", "/", "web"),
    ],
)
def test_the_host_decides_first_and_then_the_longest_path(host: str, path: str, service: str) -> None:
    assert service_of(Address(host, path), ROUTES) == service


def test_without_a_service_for_the_rest_some_requests_have_none() -> None:
    assert service_of(Address("other.example", "/"), {"shop": Route("shop.example")}) == ""


@pytest.mark.parametrize(
    ("service", "path", "address"),
    [
        ("web", "/up?deep=1", Address("", "/up?deep=1")),
        ("api", "/up", Address("", "/api/up")),
        ("api", "/v1/up", Address("", "/api")),  # this path belongs to another service
        ("old", "/up", Address("", "/api/v1")),
        ("old", "/api/v1/up", Address("", "/api/v1/up")),
        ("cart", "/", Address("shop.example", "/cart")),
        ("eu", "/up", Address("any.eu.example", "/up")),
    ],
)
def test_a_service_is_entered_at_the_path_if_its_route_leads_there(service: str, path: str, address: Address) -> None:
    found = entrance(service, path, ROUTES)
    assert found == address
    assert service_of(found, ROUTES) == service


@pytest.mark.parametrize(
    "route",
    [
        ("shop.example:80", ""),
        ("http://shop.example", ""),
        ("*", ""),
        ("a.*.example", ""),
        ("shop example", ""),
        ('x";', ""),
        ("", "api"),
        ("", "/api/"),
        ("", "/a//b"),
        ("", "/a/../b"),
        ("", "/a b"),
        ("", "/a?b"),
        ("", '/"; }'),
    ],
)
def test_other_hosts_and_paths_are_refused(route: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="is not a"):
        Route(*route)
