"""Services that speak gRPC, in upstreams.conf."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ops.balancer.render import is_outdated, parse, render
from ops.errors import ConfigError
from ops.project.section import read_settings
from ops.route import Route
from ops.traffic import TrafficSplit, Upstream

API = Upstream("api", 50051, ("api-1", "api-2"), grpc=True)
WEB = Upstream("web", 80, ("web-1",))
SITE = replace(API, route=Route(path="/shop.Orders"), others=(WEB,))


def chosen(text: str, service: str, content_type: str) -> str:
    """What nginx's map makes of a request: the first regular expression that matches."""
    lines = text.partition("$videa_grpc {")[2].partition("}")[0]
    found = (
        value
        for match, value in re.findall(r'"~([^"]+)" (\w+);', lines)
        if re.search(match, f"{service} {content_type}")
    )
    return next(found, "")


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/grpc", "call"),
        ("application/grpc+proto", "call"),
        ("application/grpc;charset=utf-8", "call"),
        ("application/grpc-web", "other"),
        ("text/html", "other"),
        ("", "other"),
    ],
)
def test_only_calls_are_passed_on(content_type: str, expected: str) -> None:
    assert chosen(render(API, 1), "", content_type) == expected
    assert chosen(render(SITE, 1), ".api", content_type) == expected
    assert chosen(render(SITE, 1), ".web", content_type) == ""


def test_without_such_a_service_the_text_is_as_ever() -> None:
    plain = render(replace(API, grpc=False), 1)
    assert "grpc" not in plain
    assert "http2" not in plain
    added = set(render(API, 1).splitlines()) - set(plain.splitlines())
    assert {"    # proxy: http2=on", '    map " $content_type" $videa_grpc {'} <= added
    assert is_outdated(parse(plain), API)


def test_the_last_resort_is_a_backup_that_is_not_listed() -> None:
    text = render(API, 1)
    last = "        server api:50051 resolve max_fails=1 fail_timeout=2s backup;"
    assert text.splitlines().count(last) == 1
    assert parse(text).servers == ("api-1", "api-2")


@pytest.mark.parametrize(("token", "groups"), [("", 2), ("secret", 1)])
def test_nobody_else_answers_for_a_private_canary(token: str, groups: int) -> None:
    text = render(replace(API, split=TrafficSplit(("api-3",), 5.0, token=token)), 1)
    assert len(re.findall(r"server api:50051 .* backup;", text)) == groups


def test_one_service_of_several_may_speak_it() -> None:
    text = render(SITE, 1)
    assert text.count("server api:50051 resolve max_fails=1 fail_timeout=2s backup;") == 1
    assert "server web:80 resolve max_fails=1 fail_timeout=2s backup;" not in text
    assert "# proxy: http2=on" in render(replace(WEB, others=(replace(SITE, others=()),)), 1)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"sticky": "cookie"}, "x-videa.sticky"),
        ({"worker": True}, "x-videa.protocol"),
        ({"route": {"path": "/api", "strip": True}}, "x-videa.route.strip"),
        ({"health": {"ready": "/ready"}}, "x-videa.health"),
        ({"health": {"ready": "/ready", "port": 50051}}, "x-videa.health"),
    ],
)
def test_what_a_grpc_server_does_not_answer_is_refused(keys: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        read_settings({"protocol": "grpc", "port": 50051, **keys})


def test_an_http_server_of_its_own_may_tell_its_health() -> None:
    settings = read_settings({"protocol": "grpc", "port": 50051, "health": {"ready": "/ready", "port": 8080}})
    assert settings.health.port == 8080
    with pytest.raises(ConfigError, match=r"x-videa\.protocol: invalid enum value 'h2'"):
        read_settings({"protocol": "h2"})
