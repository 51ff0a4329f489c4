"""The block of nginx's configuration that closes the site."""

from __future__ import annotations

import pytest

from ops.balancer.maintenance import networks
from ops.balancer.render import parse, render, switched
from ops.traffic import Maintenance, Upstream

UPSTREAM = Upstream("backend", 3001, ("videa-backend-1",))
CLOSED = Maintenance(("203.0.113.7/32", "2001:db8::/32"), ("/health/live", "/health/ready"), 1800)


def test_an_open_site_has_no_maintenance() -> None:
    text = render(UPSTREAM, 1)
    assert 'map "" $videa_maintenance { default 0; }' in text
    assert parse(text).maintenance is None


@pytest.mark.parametrize("maintenance", [CLOSED, Maintenance(), Maintenance(open_paths=("/up",), retry_after=1)])
def test_maintenance_is_parsed_from_the_text(maintenance: Maintenance) -> None:
    assert parse(render(UPSTREAM, 1, maintenance)).maintenance == maintenance


def test_closing_and_opening_changes_nothing_else() -> None:
    before = render(UPSTREAM, 4)
    closed = switched(before, 5, CLOSED)
    assert closed == render(UPSTREAM, 5, CLOSED)
    assert switched(closed, 4, None) == before


def test_a_file_without_the_block_is_an_error() -> None:
    with pytest.raises(ValueError, match="maintenance"):
        switched("http {}", 1, CLOSED)


@pytest.mark.parametrize("text", ["10.0.0.0/8; }", "nobody", "", "300.1.1.1"])
def test_invalid_addresses_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear"):
        networks([text])
    with pytest.raises(ValueError, match="does not appear"):
        Maintenance(allow=(text,))


def test_an_address_and_a_network_with_host_bits_are_accepted() -> None:
    assert networks(["203.0.113.7", "10.1.2.3/8"]) == ("203.0.113.7/32", "10.0.0.0/8")


@pytest.mark.parametrize("path", ["", "up", "/up;", '/up" 1; "'])
def test_invalid_paths_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not paths"):
        Maintenance(open_paths=(path,))
