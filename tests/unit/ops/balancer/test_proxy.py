"""The proxy settings in upstreams.conf."""

from __future__ import annotations

from ops.balancer.proxy import line
from ops.balancer.render import is_outdated, parse, render, switched
from ops.project.section import read_settings
from ops.traffic import Maintenance, Proxy, Upstream


def test_only_what_differs_from_the_defaults_is_written() -> None:
    assert line(Proxy()) == ""
    changed = Proxy(max_body=200 << 20, buffering=False, trusted=("10.0.0.0/8", "fd00::/8"))
    assert line(changed) == "    # proxy: max_body=204800 buffering=off trusted=10.0.0.0/8,fd00::/8\n"


def test_part_of_a_unit_is_rounded_to_what_nginx_can_be_told() -> None:
    assert line(Proxy(max_body=1, read_timeout=0.2)) == "    # proxy: max_body=1 read_timeout=1\n"


def test_a_change_makes_the_configuration_outdated_and_maintenance_keeps_it() -> None:
    upstream = Upstream("app", 80, ("app-1",), proxy=Proxy(read_timeout=600))
    text = render(upstream, 3)
    assert "\n    # proxy: read_timeout=600\n    include /etc/nginx/http.conf;" in text
    assert not is_outdated(parse(text), upstream)
    assert is_outdated(parse(text), Upstream("app", 80, ("app-1",)))
    assert "# proxy: read_timeout=600\n" in switched(text, 4, Maintenance())


def test_the_section_of_the_file_becomes_the_settings_of_the_balancer() -> None:
    written = {
        "max_body": "200m",
        "read_timeout": "10m",
        "response_headers": "32k",
        "buffering": "off",
        "websocket_timeout": "24h",
        "trusted": "10.0.0.1/8, 192.0.2.7",
    }
    proxy = read_settings({"proxy": written}).proxy
    trusted = ("10.0.0.0/8", "192.0.2.7/32")
    assert proxy.effective == Proxy(200 << 20, 600.0, 32 << 10, False, 86400.0, trusted)
