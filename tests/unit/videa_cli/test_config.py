"""The tester's header, which only one option prints."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ops.errors import ConfigError
from videa_cli.commands.config import config

KEY = "only-testers-know-it"


def context(environment: Any) -> Any:
    settings = SimpleNamespace(balancer="proxy")
    project = SimpleNamespace(settings=settings, model={"services": {"proxy": {"environment": environment}}})
    return SimpleNamespace(obj=SimpleNamespace(load=lambda: project))


@pytest.mark.parametrize("environment", [{"TESTER_KEY": KEY}, [f"TESTER_KEY={KEY}"]], ids=["mapping", "list"])
def test_it_is_printed_alone(environment: Any, capsys: pytest.CaptureFixture[str]) -> None:
    config(context(environment), tester_header=True)
    assert capsys.readouterr().out == f"X-Videa-Canary: {KEY}\n"


@pytest.mark.parametrize("environment", [None, {}, {"TESTER_KEY": ""}, {"TESTER_KEY": "short"}])
def test_without_a_key_that_nginx_accepts_it_is_an_error(environment: Any) -> None:
    with pytest.raises(ConfigError, match="proxy has no TESTER_KEY"):
        config(context(environment), tester_header=True)
