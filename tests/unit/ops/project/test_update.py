"""What deploys take from ``deploy.update_config``, and what takes precedence over it."""

from __future__ import annotations

from typing import Any

import pytest

from ops.errors import ConfigError
from ops.project.section import read_settings
from ops.project.update import Rules, update_rules

SOURCE = "services.web.deploy.update_config"


def rules(compose: dict[str, Any], own: dict[str, Any] | None = None, **options: Any) -> Rules:
    settings = read_settings({"service": "web", "update": own or {}})
    return update_rules({"deploy": {"update_config": compose}}, settings, **options)


def test_without_any_key_one_replica_is_replaced_at_a_time_and_nothing_is_taken() -> None:
    found = update_rules({}, read_settings({}))
    assert (found.parallelism, found.delay, found.monitor, found.stop_first, found.pause) == (1, 0, 0, False, False)
    assert found.taken == ()


def test_every_key_of_compose_is_the_default() -> None:
    written = {"parallelism": 0, "delay": "1m30s", "order": "stop-first", "failure_action": "pause", "monitor": "10s"}
    found = rules(written)
    assert (found.parallelism, found.delay, found.monitor, found.stop_first, found.pause) == (0, 90, 10, True, True)
    assert found.taken == tuple(
        (key, found_text, SOURCE)
        for key, found_text in (
            ("parallelism", "0"),
            ("delay", "90s"),
            ("order", "stop-first"),
            ("failure_action", "pause"),
            ("monitor", "10s"),
        )
    )


def test_x_videa_takes_precedence_and_the_command_line_over_both() -> None:
    compose, own = {"parallelism": 2, "delay": "5s", "order": "stop-first"}, {"order": "start-first", "parallelism": 3}
    assert (rules(compose, own).parallelism, rules(compose, own).stop_first) == (3, False)
    found = rules(compose, own, surge=4)
    assert (found.parallelism, found.delay) == (4, 5)
    assert found.taken == (
        ("parallelism", "4", "--surge"),
        ("delay", "5s", SOURCE),
        ("order", "start-first", "x-videa.update"),
    )


def test_a_rollback_has_its_own_keys() -> None:
    settings = read_settings({"service": "web", "rollback": {"monitor": "3s"}})
    both = {"update_config": {"parallelism": 2}, "rollback_config": {"parallelism": 5}}
    found = update_rules({"deploy": both}, settings, section="rollback")
    assert (found.parallelism, found.monitor) == (5, 3)
    assert ("parallelism", "5", "services.web.deploy.rollback_config") in found.taken


def test_what_cannot_be_obeyed_is_refused_unless_x_videa_replaces_it() -> None:
    with pytest.raises(ConfigError, match=f"{SOURCE}.failure_action: continue would replace replicas that serve") as it:
        rules({"failure_action": "continue"})
    assert "x-videa.update: {failure_action: rollback}" in it.value.hint
    assert not rules({"failure_action": "continue"}, {"failure_action": "rollback"}).pause


@pytest.mark.parametrize(("key", "value"), [("order", "both"), ("failure_action", "retry"), ("parallelism", -1)])
def test_a_wrong_value_is_named_with_its_key(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"{SOURCE}.{key}: "):
        rules({key: value})


def test_a_ratio_of_failures_is_said_to_be_ignored() -> None:
    ((key, value, source),) = rules({"max_failure_ratio": 0.3}).taken
    assert (key, value) == ("max_failure_ratio", "0.3")
    assert "ignored" in source
