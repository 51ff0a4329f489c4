"""Compose is asked again only if a file that it reads has another content."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.engine.answers import Answers
from ops.engine.compose import Compose
from ops.project.loading import load, remembering

FILE = "services:\n  nginx: {image: nginx}\n  web:\n    image: app:${TAG:-1}\nx-videa: {service: web}\n"


class Asked:
    """Answers with the number of questions so far."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        return str(self.count)


def test_an_answer_is_used_again_until_the_content_changes() -> None:
    content = ["a"]
    asked, answers = Asked(), Answers(lambda: content[0])
    assert [answers.get("config", asked), answers.get("config", asked), answers.get("hash", asked)] == ["1", "1", "2"]
    content[0] = "b"
    assert [answers.get("config", asked), answers.get("config", asked)] == ["3", "3"]
    content[0] = "a"
    assert answers.get("config", asked) == "4"


def test_an_answer_is_not_used_again_if_the_content_has_changed_meanwhile_or_is_unknown() -> None:
    content = ["a"]
    asked, answers = Asked(), Answers(lambda: content[0])

    def meanwhile() -> str:
        content[0] = "b"
        return asked()

    assert answers.get("config", meanwhile) == "1"
    content[0] = "a"
    assert answers.get("config", asked) == "2"
    unknown = Answers(lambda: None)
    assert [unknown.get("config", asked), unknown.get("config", asked)] == ["3", "4"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and a docker command that writes down how often it runs."""
    (tmp_path / "compose.yaml").write_text(FILE)
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/ran\necho "name: shop"\ncat {tmp_path}/compose.yaml\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("COMPOSE_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def runs(project: Path) -> int:
    ran = project / "ran"
    return len(ran.read_text().splitlines()) if ran.exists() else 0


def test_a_project_is_read_again_after_its_compose_file_or_env_file_has_changed(project: Path) -> None:
    answers = remembering()
    for _ in range(3):
        load(answers=answers)
    assert runs(project) == 1
    (project / ".env").write_text("TAG=2\n")
    load(answers=answers)
    load(answers=answers)
    assert runs(project) == 2
    (project / "compose.yaml").write_text(FILE.replace("app", "shop"))
    assert load(answers=answers).image.startswith("shop")
    (project / "compose.override.yaml").write_text("services: {}\n")
    load(answers=answers)
    assert runs(project) == 4


@pytest.mark.parametrize("key", ["extends: {file: base.yaml}", "env_file: app.env", "label_file: labels"])
def test_a_project_with_further_files_is_read_each_time(project: Path, key: str) -> None:
    (project / "compose.yaml").write_text(FILE.replace("    image: app", f"    {key}\n    image: app"))
    answers = remembering()
    assert not answers.lasting
    load(answers=answers)
    load(answers=answers)
    assert runs(project) == 2


def test_another_value_of_a_variable_is_another_question(project: Path) -> None:
    compose = Compose((), None, project, dict(os.environ), answers=remembering())
    compose.config()
    compose.config()
    assert runs(project) == 1
    Compose((), None, project, {**os.environ, "TAG": "3"}, answers=compose.answers).config()
    assert runs(project) == 2


def test_what_an_operation_asks_is_prepared(project: Path) -> None:
    (project / "bin" / "docker").write_text(f'#!/bin/sh\necho "$*" >>{project}/ran\necho "web hash"\n')
    compose = Compose((), None, project, dict(os.environ), answers=remembering())
    compose.prepare("web")
    before = runs(project)
    later = Compose((), None, project, dict(os.environ), answers=compose.answers)
    assert later.config_hash("web", {}) == "hash"
    assert not later.hashes_depends_on
    assert runs(project) == before
