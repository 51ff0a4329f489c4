"""Which commands have the same origin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.rollout.origin import origin

ENVIRONMENT = {"COMPOSE_FILE": "a.yml", "COMPOSE_PROJECT_NAME": "shop", "TERM": "xterm"}


def test_it_is_the_same_from_another_terminal() -> None:
    assert origin((), None, ENVIRONMENT) == origin((), None, {**ENVIRONMENT, "TERM": "vt100", "SHLVL": "2"})


@pytest.mark.parametrize(
    "other",
    [
        ((), "shop", ENVIRONMENT),
        (("b.yml",), None, ENVIRONMENT),
        ((), None, {**ENVIRONMENT, "COMPOSE_FILE": "b.yml"}),
        ((), None, {"COMPOSE_FILE": "a.yml"}),
        ((), None, ENVIRONMENT, Path("shop")),
    ],
)
def test_other_options_may_mean_another_project(other: tuple[Any, ...]) -> None:
    assert origin(*other) != origin((), None, ENVIRONMENT)


def test_another_folder_may_mean_another_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = origin((), None, ENVIRONMENT)
    monkeypatch.chdir(tmp_path)
    assert origin((), None, ENVIRONMENT) != here
