"""Published ports, written for the balancer."""

from __future__ import annotations

from typing import Any

import pytest

from ops.adopt.published import moved


def port(target: int, published: str = "", **more: Any) -> dict[str, Any]:
    return {"target": target, **({"published": published} if published else {}), "protocol": "tcp", **more}


@pytest.mark.parametrize(
    ("written", "merged", "wanted"),
    [
        ("80:8000", port(8000, "80"), "80:8080"),
        ("${WEB_PORT:-80}:8000", port(8000, "80"), "${WEB_PORT:-80}:8080"),
        ("${A:-${B:-80}}:8000/tcp", port(8000, "80"), "${A:-${B:-80}}:8080"),
        ("127.0.0.1:80:8000", port(8000, "80", host_ip="127.0.0.1"), "127.0.0.1:80:8080"),
        ("[::1]:80:8000", port(8000, "80", host_ip="::1"), "[::1]:80:8080"),
        ("${PORTS:-80:8000}", port(8000, "80"), "80:8080"),
        ("8000", port(8000), "8080"),
        (port(8000, "${WEB_PORT:-80}"), port(8000, "80"), "${WEB_PORT:-80}:8080"),
        (port(8000, "80", host_ip="::1"), port(8000, "80", host_ip="::1"), "[::1]:80:8080"),
        (port(8000, "80", mode="ingress"), port(8000, "80", mode="ingress"), "80:8080"),
        ("${WEB_PORT}:$PORT", port(8000, "80"), "${WEB_PORT}:8080"),
        ("80-82:8000", port(8000, "80-82"), "80-82:8080"),
        (
            port(8000, "80", mode="host", host_ip="127.0.0.1"),
            port(8000, "80", mode="host", host_ip="127.0.0.1"),
            {"target": 8080, "published": "80", "host_ip": "127.0.0.1", "mode": "host"},
        ),
        (port(8000, mode="host"), port(8000, mode="host"), {"target": 8080, "mode": "host"}),
        (
            port(8000, "80", mode="host"),
            port(8000, "80", mode="host"),
            {"target": 8080, "published": "80", "mode": "host"},
        ),
    ],
)
def test_the_outside_stays_as_it_is_written(written: object, merged: dict[str, Any], wanted: object) -> None:
    assert moved([written], [merged], 8000) == ((wanted,), ())


def test_other_ports_are_named_and_stay_behind() -> None:
    merged = [port(8000, "80"), port(9464, "9464"), {"target": 8000, "published": "80", "protocol": "udp"}]
    assert moved(["80:8000", "9464:9464", "80:8000/udp"], merged, 8000) == (("80:8080",), ("9464:9464", "80:8000/udp"))


def test_a_range_that_compose_expands_is_read_as_expanded() -> None:
    merged = [port(8000, "80"), port(8001, "81")]
    assert moved(["80-81:8000-8001"], merged, 8001) == (("81:8080",), ("80:8000",))


def test_of_a_range_that_several_replicas_have_shared_every_port_still_leads_to_them() -> None:
    merged = [port(8000, "80-81", host_ip="127.0.0.1")]
    assert moved(["127.0.0.1:80-81:8000"], merged, 8000, 2) == (("127.0.0.1:80:8080", "127.0.0.1:81:8080"), ())
