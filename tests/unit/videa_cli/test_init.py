"""`videa init` shows before it writes, asks only on a terminal, and writes nothing on an error."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops import factory
from ops.adopt.wanted import About
from ops.balancer import packaged
from ops.errors import UsageError
from tests.unit.ops.fakes import fake_stack
from videa_cli.commands import init
from videa_cli.main import app

PROJECTS = Path(__file__).parents[2] / "projects"
ENV = "PYTHON=videa/python\nPASSWORD=geheim\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a project; the engine is a fake on which nothing runs."""
    place = tmp_path / "shop"
    shutil.copytree(PROJECTS / "published", place)
    (place / ".env").write_text(ENV)
    stack = fake_stack(tmp_path, replicas=0)
    monkeypatch.chdir(place)
    monkeypatch.setattr(factory, "connect", lambda: None)
    monkeypatch.setattr(factory, "open_stack", lambda project, engine=None: stack)
    return place


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, ["init", *arguments], input=typed, standalone_mode=False)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_dry_run_shows_all_and_writes_nothing(folder: Path) -> None:
    before = names(folder)
    done = run("--dry-run")
    assert done.exit_code == 0
    for words in (
        "web  http on port 8000",
        f"+    image: {packaged.reference()}",
        "+COMPOSE_FILE=compose.yaml:compose.videa.yaml",
    ):
        assert words in done.output
    assert (names(folder), (folder / ".env").read_text()) == (before, ENV)


def test_other_lines_of_env_are_not_shown(folder: Path) -> None:
    assert "geheim" not in run("--yes").output
    assert "geheim" not in run("--remove", "--dry-run").output


def test_yes_writes_both_files_and_a_second_time_nothing(folder: Path) -> None:
    assert "next: videa up" in run("--yes").output
    written = (folder / "compose.videa.yaml").read_text()
    assert (folder / ".env").read_text() == ENV + "COMPOSE_FILE=compose.yaml:compose.videa.yaml\n"
    assert "nothing to do" in run("--yes").output
    assert (folder / "compose.videa.yaml").read_text() == written


def test_where_nobody_can_be_asked_it_writes_nothing(folder: Path) -> None:
    done = run()
    assert isinstance(done.exception, UsageError)
    assert done.exception.hint == "add --yes to write, or --dry-run to only look"
    assert "compose.videa.yaml" not in names(folder)


@pytest.mark.parametrize(("typed", "written"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_on_a_terminal_it_asks(folder: Path, monkeypatch: pytest.MonkeyPatch, typed: str, written: bool) -> None:
    monkeypatch.setattr(init, "_on_terminal", lambda: True)
    run(typed=typed)
    assert ("compose.videa.yaml" in names(folder)) is written


def test_on_a_terminal_it_asks_which_service_and_takes_only_one_of_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(PROJECTS / "two-web" / "compose.yaml", folder)
    monkeypatch.setattr(init, "_on_terminal", lambda: True)
    assert isinstance(run(typed="shop\n").exception, UsageError)
    run(typed="api\ny\n")
    assert "  service: api\n" in (folder / "compose.videa.yaml").read_text()


def test_for_scripts_it_prints_one_object(folder: Path) -> None:
    found = json.loads(run("--yes", "--json").output)
    assert (found["service"], found["port"], found["health"], found["changed"]) == ("web", 8000, {}, True)
    assert found["services"] == [{"service": "web", "role": "http", "ports": [8000], "reason": "publishes its port"}]
    assert found["overlay"]["text"] == (folder / "compose.videa.yaml").read_text()
    assert {note["key"] for note in found["notes"]} >= {"services.web.ports", "services.web.healthcheck"}
    assert not json.loads(run("--yes", "--json").output)["changed"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--json",),
        ("--health", "healthz", "--yes"),
        ("--remove", "--service", "web"),
        ("--port", "x"),
        ("--port", "65536", "--yes"),
    ],
)
def test_a_wrong_command_line_writes_nothing(folder: Path, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exception is not None
    assert "compose.videa.yaml" not in names(folder)


def test_remove_leads_back_to_the_bytes_of_before(folder: Path) -> None:
    before = names(folder)
    assert run("--remove", "--yes").exception is not None
    run("--yes")
    (folder / "compose.videa.yaml").unlink()
    run("--remove", "--yes")
    assert (names(folder), (folder / ".env").read_text()) == (before, ENV)
    run("--yes")
    shown = run("--remove", "--dry-run").output
    assert "-COMPOSE_FILE=compose.yaml:compose.videa.yaml" in shown
    assert "compose.videa.yaml" in names(folder)
    assert run("--remove", "--yes").exception is None
    assert (names(folder), (folder / ".env").read_text()) == (before, ENV)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--route", "/api"), "--route /api names no service"),
        (("--route", "api=/a b"), "'/a b' is not a path"),
        (("--route", "api=/a,cut"), "'cut' is not strip"),
        (("--port", "api=70000"), "--port api=70000 is not a port"),
        (("--health", "api=up"), "--health api=up is not a path"),
        (("--service", "web", "--route", "shop=/api"), "no service shop in the Compose file"),
        (("--remove", "--route", "api=/api"), "--remove takes no"),
    ],
)
def test_a_wrong_option_of_several_services_is_named(folder: Path, options: tuple[str, ...], words: str) -> None:
    failed = run("--yes", *options)
    assert isinstance(failed.exception, UsageError)
    assert words in failed.exception.message
    assert names(folder) == {"compose.yaml", ".env"}


def test_several_services_are_shown_with_what_each_of_them_gets(folder: Path) -> None:
    (folder / "compose.yaml").write_text((PROJECTS / "two-web" / "compose.yaml").read_text())
    options = ("--route", "api=/api,strip", "--port", "api=9000", "--health", "api=/healthz", "--service", "web")
    found = json.loads(run("--dry-run", "--json", *options).output)
    assert (found["service"], found["port"], found["route"]) == ("web", 8000, {})
    assert found["others"] == [
        {"service": "api", "port": 9000, "health": {"ready": "/healthz"}, "route": {"path": "/api", "strip": True}}
    ]
    shown = run("--dry-run", *options).output
    assert "http on port 9000: publishes its port; health path /healthz; gets /api, and replicas" in shown


@pytest.mark.parametrize(
    ("about", "option"),
    [
        (About.SERVICE, "--service NAME"),
        (About.SERVICES, "--service NAME, or several: --service port --service requests --route requests=/PATH"),
        (About.PORT, "--port PORT"),
        (About.REQUESTS, "--route NAME=/PATH"),
    ],
)
def test_the_option_that_answers_a_question_is_named_whatever_services_are_called(about: About, option: str) -> None:
    with pytest.raises(UsageError) as error:
        init._asker(False)(about, "which requests port gets", ["port", "requests"])
    assert error.value.hint == f"say it: {option}"
