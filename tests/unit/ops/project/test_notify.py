"""x-videa.notify has names of variables, and an error never repeats what somebody wrote there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.errors import ConfigError
from ops.project.notify import variables
from ops.project.section import problems, read_settings
from ops.project.settings import Level, effective

HOOK = {"webhook": "PAGER_URL", "key": "PAGER_KEY"}


def test_lists_may_be_strings() -> None:
    section = {"notify": {"team": {"apprise": "TEAM_URL", "events": "deploy.*, replica.*", "severity": "warning"}}}
    team = read_settings(section).notify["team"]
    assert (team.events, team.severity) == (("deploy.*", "replica.*"), Level.WARNING)


def test_the_names_of_secrets_are_known() -> None:
    receivers = read_settings({"notify": {"pager": HOOK, "team": {"apprise": "TEAM_URL"}}}).notify
    assert variables(receivers) == {"PAGER_URL", "PAGER_KEY", "TEAM_URL"}


def test_the_configuration_shows_each_target() -> None:
    section = {"notify": {"pager": HOOK}}
    rows = {key: (value, source) for key, value, source in effective(read_settings(section), section)}
    assert rows["x-videa.notify.pager.webhook"] == ("PAGER_URL", "Compose file")
    assert rows["x-videa.notify.pager.severity"] == ("info", "default")


@pytest.mark.parametrize(
    "notify",
    [
        "slack://verysecret",
        {"team": "slack://verysecret"},
        {"team": {"apprise": "slack://verysecret/token"}},
        {"team": {**HOOK, "key": "whsec_very/secret="}},
        {"team": {"apprise": ["slack://verysecret"]}},
        {"team": {"apprise": {"url": "slack://verysecret"}}},
        {"https://verysecret": {"apprise": "TEAM_URL"}},
    ],
)
def test_a_url_in_the_file_is_refused_and_not_repeated(notify: Any) -> None:
    with pytest.raises(ConfigError) as raised:
        read_settings({"notify": notify})
    shown = json.dumps(
        [raised.value.message, raised.value.hint, [each.message for each in problems({"notify": notify})]]
    )
    assert "very" not in shown


@pytest.mark.parametrize(
    ("receiver", "message"),
    [
        ({}, "one of apprise and webhook"),
        ({"apprise": "A", **HOOK}, "one of apprise and webhook"),
        ({"webhook": "A"}, "needs a key"),
        ({"apprise": "A", "key": "B"}, "needs a key"),
        ({"apprise": "A", "events": ["deploys"]}, "'deploys' selects nothing"),
        ({"apprise": "A", "events": []}, "it is empty"),
        ({"apprise": "A", "severity": "low"}, "invalid enum value"),
    ],
)
def test_what_does_not_fit_together_is_named(receiver: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_settings({"notify": {"team": receiver}})
