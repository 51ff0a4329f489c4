"""What init proposes for the projects of tests/projects, as Compose reads them; none of them runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ops.adopt.answers import Answers
from ops.adopt.propose import Proposal, Wanted, env_after, propose, removal
from ops.adopt.write import install
from ops.errors import ConfigError, PlanRefused, UsageError
from ops.project.compose_model import read_model
from ops.project.config import load
from ops.project.plain import Plain, load_plain
from ops.route import EVERYTHING, Route
from tests.unit.ops.fakes import fake_stack

PROJECTS = Path(__file__).parents[3] / "projects"
ENV = "PYTHON=videa/python\nNGINX=videa/nginx\nREDIS=videa/redis:8\nCOMPOSE_PROFILES=shop\n"
SHELL = {name: os.environ[name] for name in ("PATH", "HOME", "GOGC", "GOMEMLIMIT") if name in os.environ}


@dataclass(frozen=True)
class Expected:
    """``roles``: of the other services; ``advised``: keys of the notes that the user should read.

    ``shared``: the volumes that replicas of each of the ``workers`` may share.
    """

    service: str
    port: int
    health: dict[str, str]
    ports: tuple[str, ...]
    roles: dict[str, str]
    advised: frozenset[str] = frozenset({"healthcheck", "deploy"})
    workers: frozenset[str] = frozenset()
    shared: Mapping[str, Sequence[str]] = field(default_factory=dict)


PLAIN_PORT = ("127.0.0.1:${WEB_PORT:-8000}:8080",)
EXPECTED = {
    "published": Expected("web", 8000, {}, PLAIN_PORT, {}),
    "healthcheck": Expected("app", 5000, {}, PLAIN_PORT, {}, frozenset()),
    "own-nginx": Expected("web", 8000, {}, (), {"nginx": "proxy"}, frozenset({"", "healthcheck", "deploy"})),
    "tagged": Expected(
        "shop",
        3000,
        {"ready": "/healthz", "expect": "200-399"},
        ("${WEB_PORT:-3000}:8080",),
        {},
        frozenset({"ports", "volumes"}),
    ),
    "worker-redis": Expected(
        "web", 8000, {}, PLAIN_PORT, {"worker": "worker", "redis": "data"}, workers=frozenset({"worker"})
    ),
    "migrate": Expected("web", 8000, {}, PLAIN_PORT, {"db": "data", "migrate": "task"}),
    "slow-start": Expected(
        "web",
        8000,
        {"ready": "/healthz", "expect": "200-399", "deadline": "240s"},
        PLAIN_PORT,
        {},
        frozenset({"deploy"}),
    ),
    "distroless": Expected("web", 8080, {}, ("${HTTP_PORT:-8080}:8080",), {}),
    "words": Expected("web", 8000, {}, PLAIN_PORT, {"cache": "data"}),
    "traefik": Expected("web", 8000, {}, (), {"traefik": "proxy", "db": "data"}),
    "fastcgi": Expected(
        "web",
        80,
        {},
        ("${WEB_PORT:-8000}:8080",),
        {"php": "worker", "queue": "worker", "schedule": "worker"},
        workers=frozenset({"queue"}),
        shared={"queue": ["/var/www"]},
    ),
    "queue": Expected(
        "web",
        8000,
        {"ready": "/healthz", "expect": "200-399"},
        (),
        {"tasks": "worker", "beat": "worker", "nginx": "proxy"},
        frozenset({"", "deploy"}),
        workers=frozenset({"tasks"}),
        shared={"tasks": ["/static", "/media"]},
    ),
    "unix-socket": Expected("nginx", 80, {}, ("${WEB_PORT:-8000}:8080",), {"app": "worker"}),
    "management-port": Expected(
        "web",
        8000,
        {"deadline": "240s"},
        PLAIN_PORT,
        {"search": "data", "broker": "worker"},
        frozenset(),
    ),
    "tunnel": Expected(
        "web",
        3000,
        {"ready": "/", "expect": "200-399"},
        (),
        {"tunnel": "proxy", "jobs": "worker"},
        frozenset({"image", "environment"}),
    ),
    "development": Expected(
        "api",
        8000,
        {},
        PLAIN_PORT,
        {"adminer": "http", "postgres": "data"},
        frozenset({"healthcheck", "deploy"}),
    ),
}
ASKED = ("two-web", "host-network")
SEVERAL = ("caddy", "two-hosts", "web-api")


def nobody(question: str, answers: Sequence[str]) -> str:
    raise UsageError(question, ", ".join(answers))


def plain_project(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Plain:
    place = folder / f"a {name}"
    shutil.copytree(PROJECTS / name, place)
    (place / ".env").write_text(ENV)
    monkeypatch.chdir(place)
    return load_plain((), None, SHELL)


def proposal(plain: Plain, wanted: Wanted | None = None) -> Proposal:
    return propose(plain, fake_stack(plain.folder.parent, replicas=0), wanted or Wanted(), nobody)


def test_every_project_is_tried() -> None:
    assert {path.name for path in PROJECTS.iterdir() if path.is_dir()} == {*EXPECTED, *ASKED, *SEVERAL}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_project(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, expected = plain_project(name, tmp_path, monkeypatch), EXPECTED[name]
    found = proposal(plain)
    adoption = found.adoption
    assert (adoption.service, adoption.port, dict(adoption.health)) == (
        expected.service,
        expected.port,
        expected.health,
    )
    assert adoption.ports == expected.ports
    roles = {each.service: each.role.value for each in adoption.found if each.service != expected.service}
    assert roles == expected.roles
    assert set(adoption.workers) == expected.workers
    advised = {note.key[2] if note.key else "" for note in adoption.notes if note.weight.value == "advice"}
    assert advised == expected.advised
    assert all("compose" in found.places[note] for note in adoption.notes if note.key)

    # What Compose makes of it: the ports have moved, nothing else of the user's services has changed. One replica is
    # what Compose starts without a number, too.
    install(plain, found.after, found.variables)
    merged = read_model(load_plain((), None, SHELL).with_overlay(plain.overlay))["services"]
    before = plain.project.model["services"]
    for worker in expected.workers:
        shared = {"shared_volumes": expected.shared[worker]} if worker in expected.shared else {}
        assert merged[worker].pop("x-videa") == {"worker": True, **shared}
        assert merged[worker].pop("scale") == 1
    assert {key: merged[key] for key in before if key != expected.service} == {
        key: before[key] for key in before if key != expected.service
    }
    changed = {
        key
        for key in {*before[expected.service], *merged[expected.service]}
        if before[expected.service].get(key) != merged[expected.service].get(key)
    }
    assert changed <= {"ports", "labels", "deploy", "container_name", "networks"}
    assert "ports" not in merged[expected.service]
    assert len(merged["balancer"].get("ports", ())) == len(expected.ports)

    # A second run has nothing to do, and the way back leads to the bytes of before.
    again = load_plain((), None, SHELL)
    assert not proposal(again).differs(again)
    assert env_after(again, removal(again))[1] == ENV


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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  web: {image: app, network_mode: host}\n  db: {image: postgres}", "compose.yaml:2: with network_mode: host"),
        (
            "  web: {image: app, mem_limit: 1g, ports: ['80:80']}\n  tunnel: {image: t, network_mode: 'service:web'}",
            "compose.yaml:3: tunnel shares",
        ),
    ],
    ids=["its port is not known", "another lives in it"],
)
def test_what_can_have_only_one_replica_is_refused_before_anything_is_asked(
    text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "compose.yaml").write_text(f"services:\n{text}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PlanRefused, match=words):
        proposal(load_plain((), None, SHELL), Wanted())


def test_what_stands_against_an_adopted_service_is_told_and_the_overlay_still_gets_newer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = plain_project("published", tmp_path, monkeypatch)
    first = proposal(plain)
    install(plain, first.after.replace(first.adoption.image, "videa-nginx:older"), first.variables)
    path = plain.folder / "compose.yaml"
    path.write_text(f"{path.read_text()}  client: {{image: app, links: [web]}}\n")
    again = load_plain((), None, SHELL)
    found = proposal(again)
    assert [note.key for note in found.adoption.refused] == [("services", "client", "links")]
    assert found.differs(again)
    with pytest.raises(PlanRefused, match="links"):
        again.overlay.unlink()
        proposal(load_plain((), None, SHELL))


def test_a_choice_of_before_is_kept_unless_another_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = plain_project("two-web", tmp_path, monkeypatch)
    first = proposal(plain, Wanted("api", 8000, "/up"))
    install(plain, first.after, first.variables)
    again = load_plain((), None, SHELL)
    assert proposal(again).adoption.service == "api"
    other = proposal(again, Wanted("web"))
    assert "service: web" in other.after
    assert "api" not in other.after


def test_a_project_that_has_the_section_already_needs_no_overlay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = plain_project("published", tmp_path, monkeypatch)
    path = plain.folder / "compose.yaml"
    path.write_text(path.read_text() + "x-videa: {service: web}\n")
    with pytest.raises(ConfigError, match="x-videa is already there"):
        proposal(load_plain((), None, SHELL))


def test_without_an_overlay_there_is_nothing_to_take_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"there is no compose\.videa\.yaml"):
        removal(plain_project("published", tmp_path, monkeypatch))


def test_a_shell_that_names_the_files_would_hide_the_overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_project("published", tmp_path, monkeypatch)
    with pytest.raises(ConfigError, match="COMPOSE_FILE is set in your shell"):
        proposal(load_plain((), None, {**SHELL, "COMPOSE_FILE": "compose.yaml"}))


def served(found: Proposal) -> dict[str, tuple[int, Route]]:
    adoption = found.adoption
    others = {each.service: (each.port, each.requests) for each in adoption.others}
    return {adoption.service: (adoption.port, adoption.requests), **others}


def test_services_that_the_users_nginx_tells_apart_are_all_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = plain_project("web-api", tmp_path, monkeypatch)
    found = proposal(plain)
    assert served(found) == {"web": (8000, EVERYTHING), "api": (8000, Route("", "/api", True))}
    # Only the balancer cuts the prefix now.
    changes = [note.change for note in found.adoption.notes if "past the balancer" in note.what]
    assert [change.partition("   ")[0] for change in changes] == [
        "server balancer:8080;",
        "proxy_pass http://balancer:8080;",
    ]
    assert "api gets its path without /api from the balancer, so nginx must leave it" in {
        note.what for note in found.adoption.notes
    }
    install(plain, found.after, found.variables)
    again = load_plain((), None, SHELL)
    assert not proposal(again).differs(again)
    with (plain.folder / ".env").open("a") as env:
        env.write("API_RELEASE=1\nAPI_REPLICAS=2\nWEB_REPLICAS=3\nVIDEA_RELEASE=4\n")
    again = load_plain((), None, SHELL)
    assert env_after(again, removal(again))[1] == ENV
    project = load((), None, SHELL)
    assert {name: each.settings.route.effective for name, each in project.managed.items()} == {
        "web": EVERYTHING,
        "api": Route("", "/api", True),
    }
    assert project.default == "web"


def test_what_a_caddyfile_tells_apart_is_served_and_its_lines_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = proposal(plain_project("caddy", tmp_path, monkeypatch))
    assert served(found) == {
        "web": (3000, Route("shop.example")),
        "api": (8000, Route("shop.example", "/api", True)),
    }
    past = [note for note in found.adoption.notes if "past the balancer" in note.what]
    assert [note.what.partition(" ")[0] for note in past] == ["Caddyfile:4", "Caddyfile:7"]
    assert all(note.change.startswith("reverse_proxy balancer:8080 ") for note in past)


def test_hosts_and_paths_of_traefik_move_to_the_balancer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = plain_project("two-hosts", tmp_path, monkeypatch)
    found = proposal(plain)
    assert served(found) == {
        "shop": (8000, EVERYTHING),
        "admin": (8000, Route("admin.example")),
        "api": (9000, Route("shop.example", "/api", True)),
    }
    install(plain, found.after, found.variables)
    merged = read_model(load_plain((), None, SHELL).with_overlay(plain.overlay))["services"]
    assert merged["balancer"]["labels"] == {
        "traefik.http.routers.shop.rule": "Host(`shop.example`) || Host(`www.shop.example`)",
        "traefik.http.routers.shop.service": "shop",
        "traefik.http.services.shop.loadbalancer.server.port": "8080",
        "traefik.http.routers.api.rule": "Host(`shop.example`) && PathPrefix(`/api`)",
        "traefik.http.routers.api.service": "api",
        "traefik.http.routers.api.middlewares": " other@file",
        "traefik.http.services.api.loadbalancer.server.port": "8080",
        "traefik.http.routers.admin.rule": "Host(`admin.example`)",
        "traefik.http.routers.admin.service": "admin",
        "traefik.http.services.admin.loadbalancer.server.port": "8080",
    }
    assert merged["api"]["labels"]["traefik.enable"] == "false"


def test_what_is_known_of_several_services_only_by_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = plain_project("two-web", tmp_path, monkeypatch)
    with pytest.raises(UsageError, match="which requests api gets"):
        proposal(plain, Wanted("web", others=("api",)))
    wanted = Wanted("web", others=("api",), ports={"api": 9000}, requests={"api": Route("", "/api")})
    found = proposal(plain, wanted)
    assert served(found) == {"web": (8000, EVERYTHING), "api": (9000, Route("", "/api"))}
    assert "no longer published, because two replicas cannot share it: 8001" in {
        note.what for note in found.adoption.notes
    }
    install(plain, found.after, found.variables)
    again = load_plain((), None, SHELL)
    assert not proposal(again).differs(again)


def test_variables_that_only_an_included_file_has_are_written_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "compose.yaml").write_text("include: [{path: web/compose.yaml, env_file: web/web.env}]\n")
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "web.env").write_text("OUTER=8123\n")
    (tmp_path / "web" / "compose.yaml").write_text(
        "services:\n  web:\n    image: app\n    ports: ['127.0.0.1:${OUTER}:80', '${OTHER:-8124}:80']\n"
    )
    monkeypatch.chdir(tmp_path)
    plain = load_plain((), None, SHELL)
    assert proposal(plain).adoption.ports == ("127.0.0.1:8123:8080", "8124:8080")
    (tmp_path / ".env").write_text("OUTER=9000\n")  # takes precedence, as for Compose
    assert proposal(load_plain((), None, SHELL)).adoption.ports == ("127.0.0.1:${OUTER}:8080", "${OTHER:-8124}:8080")


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


def test_traefiks_names_with_variables_move_to_the_balancer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = (
        '["traefik.enable=true", "traefik.http.routers.${STACK}-web.rule=Host(`${DOMAIN}`)", '
        '"traefik.http.services.${STACK}-web.loadbalancer.server.port=8000"]'
    )
    (tmp_path / "compose.yaml").write_text(f"services: {{web: {{image: app, labels: {labels}}}}}\n")
    (tmp_path / ".env").write_text("STACK=shop\nDOMAIN=a.example\n")
    monkeypatch.chdir(tmp_path)
    plain = load_plain((), None, SHELL)
    found = proposal(plain)
    install(plain, found.after, found.variables)
    merged = read_model(load_plain((), None, SHELL).with_overlay(plain.overlay))["services"]
    assert merged["balancer"]["labels"] == {
        "traefik.enable": "true",
        "traefik.http.routers.shop-web.rule": "Host(`a.example`)",
        "traefik.http.services.shop-web.loadbalancer.server.port": "8080",
    }
    assert merged["web"]["labels"]["traefik.enable"] == "false"
