"""The part of nginx's configuration that closes the site."""

from __future__ import annotations

import pytest

from ops.balancer.maintenance import networks
from ops.balancer.render import parse, render, switched
from ops.traffic import Maintenance, Upstream

UPSTREAM = Upstream("backend", 3001, ("videa-backend-1",))
CLOSED = Maintenance(("203.0.113.7/32", "2001:db8::/32"), ("/health/live", "/health/ready"), 1800)


def test_an_open_site_closes_nobody_out() -> None:
    text = render(UPSTREAM, 1)
    assert 'map "" $videa_maintenance { default 0; }' in text
    assert parse(text).maintenance is None


@pytest.mark.parametrize("maintenance", [CLOSED, Maintenance(), Maintenance(open_paths=("/up",), retry_after=1)])
def test_what_was_closed_is_read_back(maintenance: Maintenance) -> None:
    assert parse(render(UPSTREAM, 1, maintenance)).maintenance == maintenance


def test_closing_and_opening_changes_nothing_else() -> None:
    before = render(UPSTREAM, 4)
    closed = switched(before, 5, CLOSED)
    assert closed == render(UPSTREAM, 5, CLOSED)
    assert switched(closed, 4, None) == before


def test_a_file_without_the_part_is_said_to_be_one() -> None:
    with pytest.raises(ValueError, match="maintenance"):
        switched("http {}", 1, CLOSED)


@pytest.mark.parametrize("what", ["10.0.0.0/8; }", "nobody", "", "300.1.1.1"])
def test_what_is_no_address_never_reaches_nginx(what: str) -> None:
    with pytest.raises(ValueError, match="does not appear"):
        networks([what])
    with pytest.raises(ValueError, match="does not appear"):
        Maintenance(allow=(what,))


def test_an_address_and_a_network_with_host_bits_are_taken() -> None:
    assert networks(["203.0.113.7", "10.1.2.3/8"]) == ("203.0.113.7/32", "10.0.0.0/8")


@pytest.mark.parametrize("path", ["", "up", "/up;", '/up" 1; "'])
def test_what_is_no_path_never_reaches_nginx(path: str) -> None:
    with pytest.raises(ValueError, match="not paths"):
        Maintenance(open_paths=(path,))
