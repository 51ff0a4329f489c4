"""Which service, which port and which path: what is said wins, what is clear is not asked, the rest is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.adopt.answers import Answers
from ops.adopt.wanted import Wanted
from ops.adopt.write import install
from ops.errors import ConfigError, PlanRefused, UsageError
from ops.project.loading import load
from ops.project.plain import load_plain
from tests.unit.ops.adopt.projects import SHELL, plain_project, proposal


@pytest.mark.parametrize(
    ("answered", "port"),
    [
        ({9090: {"/": 404}, 8080: {"/": 200}}, 8080),
        ({9090: {"/": 404}, 8080: {"/": 302}}, 8080),
        ({9090: {"/": 404}}, 9090),
        ({9090: {"/": 200}, 8080: {"/": 200}}, None),
        ({9090: {"/": 404}, 8080: {"/": 404}}, None),
    ],
    ids=["one is well", "one wants a login", "one answers", "both are well", "none is well"],
)
def test_of_several_published_ports_that_answer_the_user_names_one(
    answered: dict[int, dict[str, int]], port: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {image: app, ports: ['9090:9090', '8080:8080']}}\n")
    monkeypatch.chdir(tmp_path)
    replies = {number: Answers(statuses) for number, statuses in answered.items()}
    monkeypatch.setattr("ops.adopt.propose.gathered_answers", lambda *ignored: replies)
    plain = load_plain((), None, SHELL)
    if port:
        assert proposal(plain).adoption.port == port
    else:
        with pytest.raises(UsageError, match="on which port web answers HTTP"):
            proposal(plain)


def test_a_worker_that_was_chosen_as_the_service_is_a_worker_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = plain_project("worker-redis", tmp_path, monkeypatch)
    found = proposal(plain)
    install(plain, found.after, found.variables)
    plain = load_plain((), None, SHELL)
    found = proposal(plain, Wanted("worker", 9000))
    install(plain, found.after, found.variables)
    assert load((), None, SHELL).settings.service == "worker"


def test_the_answers_of_the_command_line_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = plain_project("worker-redis", tmp_path, monkeypatch)
    adoption = proposal(plain, Wanted("worker", 9000, "/well")).adoption
    assert (adoption.service, adoption.port, adoption.health) == ("worker", 9000, {"ready": "/well"})


@pytest.mark.parametrize(
    ("name", "wanted", "error", "words"),
    [
        ("two-web", Wanted(), UsageError, "which service that answers HTTP gets replicas"),
        ("two-web", Wanted(service="shop"), UsageError, "no service shop"),
        ("worker-redis", Wanted(service="worker"), UsageError, "on which port worker answers HTTP"),
        ("host-network", Wanted(), PlanRefused, r"compose.yaml:5: with network_mode: host"),
        ("published", Wanted(health="no path"), ConfigError, "x-videa.health.ready"),
    ],
)
def test_what_it_cannot_know_or_do_is_an_error(
    name: str, wanted: Wanted, error: type[Exception], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = plain_project(name, tmp_path, monkeypatch)
    with pytest.raises(error, match=words):
        proposal(plain, wanted)


def test_a_choice_of_before_is_kept_unless_another_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = plain_project("two-web", tmp_path, monkeypatch)
    first = proposal(plain, Wanted("api", 8000, "/up"))
    install(plain, first.after, first.variables)
    again = load_plain((), None, SHELL)
    assert proposal(again).adoption.service == "api"
    other = proposal(again, Wanted("web"))
    assert "service: web" in other.after
    assert "api" not in other.after


@pytest.mark.parametrize(
    "services",
    [
        "{db: {image: postgres}, cache: {image: redis}}",
        "{game: {image: game, ports: ['25565:25565']}}",
        "{web: {image: app, profiles: [full], ports: ['80:80']}, db: {image: postgres}}",
    ],
)
def test_where_nothing_answers_http_it_says_so(services: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compose.yaml").write_text(f"services: {services}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no service of this project answers HTTP") as error:
        proposal(load_plain((), None, SHELL))
    assert "--profile" in str(error.value.hint)
