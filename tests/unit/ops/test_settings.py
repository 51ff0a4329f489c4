"""The x-videa section: defaults, and every mistake named with its key."""

from __future__ import annotations

from typing import Any

import pytest

from ops.errors import ConfigError
from ops.settings import Seconds, effective, parse_duration, read_settings


@pytest.mark.parametrize(
    ("section", "by"),
    [
        ({}, "request"),
        ({"sticky": "cookie"}, "client"),
        ({"sticky": "ip"}, "client"),
        ({"sticky": "ip", "canary": {"by": "header:X-User"}}, "header:X-User"),
    ],
)
def test_a_canary_does_not_throw_sticky_clients_to_and_fro(section: dict[str, Any], by: str) -> None:
    assert read_settings(section).split_by == by


def test_everything_has_a_default() -> None:
    settings = read_settings({})
    assert (settings.service, settings.port, settings.balancer) == ("backend", 3001, "nginx")
    assert settings.health.passes == 2
    assert settings.drain_timeout == 30


@pytest.mark.parametrize(
    ("section", "named", "hint"),
    [
        ({"replicas": 3}, "replicas", "service"),
        ({"health": {"path": "/x"}}, "x-videa.health", "ready"),
        ({"port": 0}, "x-videa.port", ""),
        ({"port": "http"}, "x-videa.port", ""),
        ({"sticky": "maybe"}, "x-videa.sticky", "cookie"),
        ({"drain_timeout": "soon"}, "drain_timeout", ""),
        ({"drain_timeout": 30}, "drain_timeout", ""),
        ({"health": {"passes": 0}}, "x-videa.health.passes", ""),
        ({"health": {"ready": "no slash"}}, "x-videa.health.ready", "/health"),
        ({"canary": {"steps": [50, 5, 100]}}, "x-videa.canary.steps", "rising"),
        ({"canary": {"steps": [5, 50]}}, "x-videa.canary.steps", "100"),
        ({"canary": {"min_success_rate": 101}}, "min_success_rate", ""),
    ],
)
def test_a_mistake_is_named_with_its_key(section: dict[str, Any], named: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_settings(section)
    assert named in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("30s", 30), ("10m", 600), ("1h", 3600), ("1.5s", 1.5)])
def test_durations_have_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "30 s", "-1s", "1d", None, 5])
def test_a_duration_without_a_known_unit_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_every_value_tells_where_it_comes_from() -> None:
    written = {"port": 8000, "health": {"passes": 5}}
    rows = {key: (value, source) for key, value, source in effective(read_settings(written), written)}
    assert rows["x-videa.port"] == ("8000", "Compose file")
    assert rows["x-videa.health.passes"] == ("5", "Compose file")
    assert rows["x-videa.health.fails"] == ("3", "default")
    assert rows["x-videa.canary.max_p99"] == ("500ms", "default")


def test_a_duration_is_shown_as_it_is_written() -> None:
    assert str(Seconds(0.5)) == "500ms"
    assert str(Seconds(30)) == "30s"


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"canary": {"by": "moon"}}, "x-videa.canary.by"),
        ({"canary": {"in_doubt": "pray"}}, "x-videa.canary.in_doubt"),
        ({"hooks": {"pre_lunch": "x"}}, "unknown key 'pre_lunch'"),
        ({"hooks": {"timeout": "soon"}}, "x-videa.hooks.timeout"),
    ],
)
def test_a_mistake_in_canary_or_hooks_names_its_key(section: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_settings(section)


def test_a_canary_warms_up_by_its_own_trend_or_for_a_stated_time() -> None:
    assert read_settings({}).canary.warmup is None
    assert read_settings({"canary": {"warmup": "10s"}}).canary.warmup == 10
    rows = {key: value for key, value, _ in effective(read_settings({}), {})}
    assert rows["x-videa.canary.warmup"] == "auto"
    with pytest.raises(ConfigError) as refused:
        read_settings({"canary": {"warmup": "soon"}})
    assert "x-videa.canary.warmup" in refused.value.message


def test_what_becomes_of_an_inconclusive_canary_is_known_by_its_key() -> None:
    assert read_settings({"canary": {"in_doubt": "pause"}}).canary.on_inconclusive.value == "pause"
