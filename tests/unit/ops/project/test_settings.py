"""The x-videa section: defaults, and errors that name the key."""

from __future__ import annotations

from typing import Any

import pytest

from ops.errors import ConfigError
from ops.project.section import problems, read_settings
from ops.project.section_rules import check_autoscale
from ops.project.settings import effective
from ops.project.units import Seconds, Size, parse_duration, parse_rate, parse_share
from ops.route import Route


@pytest.mark.parametrize(
    ("section", "by"),
    [
        ({}, "request"),
        ({"sticky": "cookie"}, "client"),
        ({"sticky": "ip"}, "client"),
        ({"sticky": "ip", "canary": {"by": "header:X-User"}}, "header:X-User"),
    ],
)
def test_a_canary_assigns_sticky_clients_as_a_client(section: dict[str, Any], by: str) -> None:
    assert read_settings(section).split_by == by


@pytest.mark.parametrize(
    ("route", "effective"),
    [
        ({}, Route()),
        ({"path": "/"}, Route()),
        ({"host": "Shop.Example", "path": "/api/", "strip": "yes"}, Route("shop.example", "/api", True)),
        ({"host": "*.example"}, Route("*.example")),
    ],
)
def test_a_route_is_written_in_several_ways(route: dict[str, Any], effective: Route) -> None:
    assert read_settings({"route": route}).route.effective == effective


def test_everything_has_a_default() -> None:
    settings = read_settings({})
    assert (settings.service, settings.port, settings.balancer) == ("backend", 3001, "nginx")
    assert settings.health.success_threshold == 2
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
        ({"health": {"expect": "2xx"}}, "x-videa.health.expect", ""),
        ({"proxy": {"max_body": "lots"}}, "x-videa.proxy.max_body", ""),
        ({"proxy": {"max_body": "0m"}}, "x-videa.proxy.max_body", "above 0"),
        ({"proxy": {"response_headers": "1m"}}, "x-videa.proxy.response_headers", "256k"),
        ({"proxy": {"trusted": ["cdn.example"]}}, "x-videa.proxy.trusted", "10.0.0.0/8"),
        ({"proxy": {"trusted": ["0.0.0.0/0"]}}, "x-videa.proxy.trusted", "networks of the proxies"),
        ({"proxy": {"buffering": "maybe"}}, "x-videa.proxy.buffering", ""),
        ({"proxy": {"timeout": "1m"}}, "unknown key 'timeout'", "read_timeout"),
        ({"route": {"host": "shop.example:80"}}, "x-videa.route: 'shop.example:80' is not a host", "*.example"),
        ({"route": {"path": "api"}}, "x-videa.route: 'api' is not a path", "path: /api"),
        ({"route": {"prefix": "/api"}}, "x-videa.route: unknown key 'prefix'", "strip"),
        ({"route": {"path": "/x"}, "worker": True}, "x-videa.route: a worker gets no requests", "remove route"),
        ({"health": {"expect": []}}, "x-videa.health.expect", "200-399"),
        ({"health": {"headers": {"Host": "a\r\nX: b"}}}, "x-videa.health.headers", "Host"),
        ({"health": {"headers": {"Ho st": "a"}}}, "x-videa.health.headers", "Host"),
        ({"health": {"headers": ["Host: a"]}}, "x-videa.health.headers", ""),
        ({"canary": {"steps": [50, 5, 100]}}, "x-videa.canary.steps", "rising"),
        ({"canary": {"steps": [5, 50]}}, "x-videa.canary.steps", "100"),
        ({"canary": {"min_success_rate": 101}}, "min_success_rate", ""),
        ({"autoscale": {"maximum": 6}}, "x-videa.autoscale: unknown key 'maximum'", "max"),
        ({"autoscale": {"target": {"memory": "1g"}}}, "x-videa.autoscale.target: unknown key 'memory'", "requests"),
        ({"autoscale": {"target": {"cpu": 0.7}}}, "x-videa.autoscale.target.cpu: 0.7 is not a percentage", ""),
        ({"autoscale": {"target": {"cpu": "0%"}}}, "x-videa.autoscale.target.cpu", "above 0"),
        ({"autoscale": {"target": {"requests": "200"}}}, "x-videa.autoscale.target.requests: '200' is not a rate", ""),
        ({"autoscale": {"down": {"policies": ["1"]}}}, "policies[0]: '1' is not a policy; write it as 4/15s", ""),
        ({"autoscale": {"down": {"policies": ["1/2h"]}}}, "policies[0]: the period of '1/2h'", ""),
        ({"autoscale": {"up": {"policies": ["0/15s"]}}}, "policies[0]: '0/15s' allows no change", ""),
        ({"autoscale": {"up": {"policies": []}}}, "x-videa.autoscale.up.policies: it is empty", "4/15s"),
        ({"autoscale": {"up": {"select": "all"}}}, "x-videa.autoscale.up.select", "max, min, disabled"),
        ({"autoscale": {"down": {"stabilization": "2h"}}}, "x-videa.autoscale.down.stabilization", "1h"),
        ({"autoscale": {"tolerance": "100%"}}, "x-videa.autoscale.tolerance", "below 100%"),
    ],
)
def test_an_error_names_the_key(section: dict[str, Any], named: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_settings(section)
    assert named in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30),
        ("10m", 600),
        ("1h", 3600),
        ("1.5s", 1.5),
        ("1m30s", 90),
        ("1h0m0.5s", 3600.5),
        ("250us", 0.00025),
        (".5s", 0.5),
    ],
)
def test_durations_have_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "30 s", "-1s", "1d", "1m 30s", "1m30", "s", ".s", "9999h", "٣s", None, 5])
def test_a_duration_without_a_known_unit_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_every_value_has_its_source() -> None:
    written = {"port": 8000, "health": {"passes": 5}}
    rows = {key: (value, source) for key, value, source in effective(read_settings(written), written)}
    assert rows["x-videa.port"] == ("8000", "Compose file")
    assert rows["x-videa.health.passes"] == ("5", "Compose file")
    assert rows["x-videa.health.fails"] == ("3", "default")
    assert rows["x-videa.canary.max_p99"] == ("500ms", "default")


def test_the_headers_of_a_probe_are_shown_without_their_secrets() -> None:
    written = {"health": {"headers": {"Host": "shop.example", "Authorization": "Bearer 0123456789abcdef"}}}
    rows = {key: value for key, value, _ in effective(read_settings(written), written)}
    assert rows["x-videa.health.headers"] == "{Host: shop.example, Authorization: Bearer <hidden>}"
    assert rows["x-videa.health.expect"] == "[200-299]"


def test_a_duration_is_shown_in_the_format_of_the_file() -> None:
    assert str(Seconds(0.5)) == "500ms"
    assert str(Seconds(30)) == "30s"
    assert [str(Size(size)) for size in (100, 4096, 64 << 20, 3 << 30)] == ["100b", "4k", "64m", "3g"]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"canary": {"by": "moon"}}, "x-videa.canary.by"),
        ({"canary": {"in_doubt": "pray"}}, "x-videa.canary.in_doubt"),
        ({"hooks": {"pre_lunch": "x"}}, "unknown key 'pre_lunch'"),
        ({"hooks": {"timeout": "soon"}}, "x-videa.hooks.timeout"),
    ],
)
def test_an_error_in_canary_or_hooks_names_the_key(section: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_settings(section)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ({"port": "8000"}, {"port": 8000}),
        ({"health": {"passes": "3", "interval": "1m30s"}}, {"health": {"passes": 3, "interval": "90s"}}),
        ({"canary": {"steps": ["5", 100]}}, {"canary": {"steps": [5, 100]}}),
        ({"canary": {"steps": "5, 25,100"}}, {"canary": {"steps": [5, 25, 100]}}),
        ({"canary": {"steps": "[12.5, 100]"}}, {"canary": {"steps": [12.5, 100]}}),
        ({"canary": {"min_success_rate": "99.5"}}, {"canary": {"min_success_rate": 99.5}}),
        ({"keep_releases": "5"}, {"keep_releases": 5}),
        ({"also": "worker, mailer"}, {"also": ["worker", "mailer"]}),
        ({"also": ""}, {}),
        ({"proxy": {"buffering": "Off"}}, {"proxy": {"buffering": False}}),
        ({"proxy": {"max_body": "1g"}}, {"proxy": {"max_body": "1024M"}}),
        ({"proxy": {"max_body": 1024}}, {"proxy": {"max_body": "1kb"}}),
        ({"health": {"expect": "200-399, 401"}}, {"health": {"expect": ["200-399", 401]}}),
        ({"health": {"expect": 204}}, {"health": {"expect": ["204"]}}),
        ({"health": {"port": "9000"}}, {"health": {"port": 9000}}),
    ],
)
def test_a_value_from_a_variable_may_be_a_string(written: dict[str, Any], plain: dict[str, Any]) -> None:
    assert read_settings(written) == read_settings(plain)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"port": "0"}, "x-videa.port"),
        ({"port": ""}, "x-videa.port.*''"),
        ({"port": "http"}, "x-videa.port.*'http'"),
        ({"port": "9" * 400}, "x-videa.port"),
        ({"port": 8000.5}, "x-videa.port"),
        ({"health": "fast"}, "x-videa.health"),
        ({"health": None}, "x-videa.health"),
        ({"health": {"passes": "101"}}, "x-videa.health.passes"),
        ({"health": {"interval": "0s"}}, "x-videa.health.interval"),
        ({"health": {"ready": 5}}, "x-videa.health.ready"),
        ({"health": {"deadline": "9" * 400 + "h"}}, "x-videa.health.deadline"),
        ({"canary": {"steps": "5, x, 100"}}, r"x-videa.canary.steps\[1\].*'x'"),
        ({"canary": {"steps": [5, [25], 100]}}, "x-videa.canary.steps"),
        ({"canary": {"steps": {"a": 1}}}, "x-videa.canary.steps"),
        ({"canary": {"steps": "nan"}}, "x-videa.canary.steps"),
        ({"canary": {"max_p99_ratio": "nan"}}, "x-videa.canary.max_p99_ratio"),
        ({"canary": {"max_p99_ratio": float("inf")}}, "x-videa.canary.max_p99_ratio"),
        ({"canary": {"by": ["a"]}}, "x-videa.canary.by"),
        ({"also": [None]}, "x-videa.also"),
        ({"also": {"a": 1}}, "x-videa.also"),
        ({"hooks": {"pre_deploy": 5}}, "x-videa.hooks.pre_deploy"),
        ({"hooks": {"pre_deploy": {"a": 1}}}, "x-videa.hooks.pre_deploy"),
        ({"hooks": {"pre_deploy": ["a", ["b"]]}}, "x-videa.hooks.pre_deploy"),
        ({"sticky": True}, "x-videa.sticky"),
        ({"service": ["a"]}, "x-videa.service"),
    ],
)
def test_any_invalid_value_is_a_config_error(section: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_settings(section)


def test_a_hook_is_a_string_for_the_shell_or_a_list() -> None:
    hooks = read_settings({"hooks": {"pre_deploy": "true && exit 3", "on_abort": ["echo", "a b"]}}).hooks
    assert (hooks.pre_deploy, hooks.on_abort) == ("true && exit 3", ("echo", "a b"))


def test_the_warm_up_is_automatic_or_has_a_fixed_time() -> None:
    assert read_settings({}).canary.warmup is None
    assert read_settings({"canary": {"warmup": "10s"}}).canary.warmup == 10
    rows = {key: value for key, value, _ in effective(read_settings({}), {})}
    assert rows["x-videa.canary.warmup"] == "auto"
    with pytest.raises(ConfigError) as refused:
        read_settings({"canary": {"warmup": "soon"}})
    assert "x-videa.canary.warmup" in refused.value.message


def test_in_doubt_sets_the_action_for_an_inconclusive_canary() -> None:
    assert read_settings({"canary": {"in_doubt": "pause"}}).canary.on_inconclusive.value == "pause"


def test_hooks_are_shown_without_their_secrets() -> None:
    written = {"hooks": {"pre_deploy": "curl -u bot:tiger42 http://x", "on_abort": ["mysql", "-ptiger42", "shop"]}}
    rows = {key: value for key, value, _ in effective(read_settings(written), written)}
    assert rows["x-videa.hooks.pre_deploy"] == "curl -u <hidden> http://x"
    assert rows["x-videa.hooks.on_abort"] == "[mysql, -p<hidden>, shop]"


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"autoscale": {"min": 3}}, "x-videa.autoscale.max of backend is missing"),
        ({"autoscale": {"min": 3, "max": 2}}, "x-videa.autoscale.min: 3 is more than max, which is 2"),
        ({"autoscale": {"max": 6, "target": {}}}, "x-videa.autoscale.target: it is empty"),
        ({"worker": True, "autoscale": {"max": 6, "target": {"p95": "1s"}}}, "a worker gets no requests"),
    ],
)
def test_the_keys_of_autoscale_must_fit_together(section: dict[str, Any], words: str) -> None:
    settings = read_settings(section)
    assert not problems(section), "each value alone is right"
    with pytest.raises(ConfigError, match=words):
        check_autoscale(settings)


def test_autoscale_is_off_without_a_number() -> None:
    assert not read_settings({}).autoscale.enabled
    check_autoscale(read_settings({}))
    autoscale = read_settings({"autoscale": {"max": "6", "up": {"policies": "1/1m, 50%/30s"}}}).autoscale
    check_autoscale(read_settings({"autoscale": {"max": "6"}}))
    assert (autoscale.enabled, autoscale.min, autoscale.target.cpu) == (True, 2, 0.7)
    assert [(each.amount, each.relative, each.period) for each in autoscale.up.policies] == [
        (1, False, 60.0),
        (50, True, 30.0),
    ]


def test_percentages_and_rates_have_units() -> None:
    assert (parse_share("70%"), str(parse_share("12.5%"))) == (0.7, "12.5%")
    assert (parse_rate("200/s"), parse_rate("12000/m"), str(parse_rate("1800/h"))) == (200.0, 200.0, "0.5/s")
    rows = {key: value for key, value, _ in effective(read_settings({}), {})}
    assert rows["x-videa.autoscale.target.cpu"] == "70%"
    assert rows["x-videa.autoscale.target.requests"] == "none"
