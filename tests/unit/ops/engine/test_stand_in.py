"""What a stand-in has of the balancer, and which ports are redirected to it."""

from __future__ import annotations

from typing import Any

import pytest

from ops.engine.stand_in import SPOOL, _configuration, redirections

BALANCER: dict[str, Any] = {
    "Id": "0123456789ab",
    "Config": {
        "Hostname": "0123456789ab",
        "Entrypoint": ["start.sh"],
        "Labels": {"com.docker.compose.service": "nginx", "com.docker.swarm.task": ""},
    },
    "HostConfig": {
        "Binds": ["shop_balancer:/etc/nginx/videa:rw", f"shop_spool:{SPOOL}:rw"],
        "Mounts": [{"Target": SPOOL}, {"Target": "/etc/nginx/own"}],
        "PortBindings": {"8080/tcp": [{"HostIp": "", "HostPort": "80"}, {"HostIp": "", "HostPort": "81"}]},
        "RestartPolicy": {"Name": "unless-stopped"},
        "ReadonlyRootfs": True,
    },
}


def bound(**ports: list[tuple[str, str]]) -> dict[str, Any]:
    named = {f"{port.removeprefix('p')}/tcp": entries for port, entries in ports.items()}
    entries = {port: [{"HostIp": ip, "HostPort": host} for ip, host in each] for port, each in named.items()}
    return {"NetworkSettings": {"Ports": entries}}


def published(*bindings: tuple[str, str]) -> dict[str, Any]:
    entries = [{"HostIp": ip, "HostPort": host} for ip, host in bindings]
    return {"HostConfig": {"PortBindings": {"8080/tcp": entries}}}


@pytest.mark.parametrize(
    ("balancer", "stand_in", "expected"),
    [
        (published(("127.0.0.1", "80")), bound(p8080=[("127.0.0.1", "32768")]), [("127.0.0.1", "80", "32768")]),
        (
            published(("", "80"), ("", "81")),
            bound(p8080=[("0.0.0.0", "32768"), ("::", "32769")]),
            [("0.0.0.0", "80", "32768"), ("::", "80", "32769"), ("0.0.0.0", "81", "32768"), ("::", "81", "32769")],
        ),
        (published(("10.0.0.5", "80")), bound(p8080=[("127.0.0.1", "32768")]), []),
        (published(("", "")), bound(p8080=[("0.0.0.0", "32768")]), []),
        (published(("", "80")), bound(p8443=[("0.0.0.0", "32768")]), []),
        (published(("", "80")), {"NetworkSettings": {"Ports": None}}, []),
    ],
)
def test_each_published_port_is_redirected_on_its_own_addresses_only(
    balancer: dict[str, Any], stand_in: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    assert list(redirections(balancer, stand_in)) == expected


def test_it_shares_the_configuration_of_the_balancer_but_not_its_spool_nor_its_place() -> None:
    config = _configuration(BALANCER, True, "shop_default")
    host = config["HostConfig"]
    assert config["Entrypoint"][-1] == "start.sh"
    assert config["Labels"]["com.docker.compose.oneoff"] == "True"
    assert "com.docker.swarm.task" not in config["Labels"]
    assert host["NetworkMode"] == "shop_default"
    assert host["Binds"] == ["shop_balancer:/etc/nginx/videa:rw"]
    assert host["Mounts"] == [{"Target": "/etc/nginx/own"}]
    assert SPOOL in host["Tmpfs"]
    assert host["PortBindings"] == {"8080/tcp": [{"HostIp": "", "HostPort": ""}]}
    assert host["RestartPolicy"]["Name"] == "no"
    assert host["ReadonlyRootfs"] is True
    assert _configuration(BALANCER, False, "shop_default")["HostConfig"]["PortBindings"] == {}
