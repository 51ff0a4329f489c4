"""Which service of the project a URL in its environment leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.doctor.collectors import services
from ops.doctor.skip import Skip
from ops.engine.compose import Compose
from ops.project.config import Project
from ops.project.section import read_settings


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://redis:6379/0", ["redis"]),
        ("redis+cluster://:pass@a:6379,b:6379,c:6379", ["a", "b", "c"]),
        ("postgresql://u:p%40x@db/app?connection_limit=5", ["db"]),
        ("nothing", []),
        ("postgresql://app@[fd00::1]:5432/app", ["[fd00::1]"]),
        ("postgresql://app@[fd00::1/app", []),
    ],
)
def test_the_hosts_of_a_url(url: str, expected: list[str]) -> None:
    assert services.hosts_of(url) == expected


def project_with(url: str | None) -> Project:
    services = {
        "web": {"environment": {"REDIS_URL": url} if url else {}},
        "cache": {"container_name": "the-cache", "networks": {"data": {"aliases": ["redis.local"]}, "front": None}},
        "queue": {},
    }
    section = {"service": "web"}
    compose = Compose((), None, Path(), {})
    return Project("shop", Path(), compose, {"services": services}, read_settings(section), section, {})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://cache:6379/0", ["cache"]),
        ("redis://:secret@the-cache", ["cache"]),
        ("redis://redis.local:6379", ["cache"]),
        ("redis+cluster://cache:6379,queue:6379,the-cache:6379", ["cache", "queue"]),
        ("redis://elsewhere.example:6379", []),
    ],
)
def test_the_services_of_a_url(url: str, expected: list[str]) -> None:
    assert services.locate(project_with(url), "REDIS_URL").services == expected


def test_an_external_or_missing_url_is_a_skip_whose_reason_has_no_password() -> None:
    external = services.locate(project_with("redis://:secret@elsewhere.example:6379"), "REDIS_URL")
    with pytest.raises(Skip, match=r"^REDIS_URL points to elsewhere\.example, which is not a service of this project$"):
        _ = external.service
    with pytest.raises(Skip, match="web has no REDIS_URL"):
        services.locate(project_with(None), "REDIS_URL")
