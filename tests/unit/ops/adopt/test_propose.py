"""What init proposes for the projects of tests/projects, as Compose reads them; none of them runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ops.adopt.propose import env_after
from ops.adopt.removal import removal
from ops.adopt.wanted import Wanted
from ops.adopt.write import install
from ops.errors import ConfigError, PlanRefused
from ops.project.compose_model import read_model
from ops.project.plain import load_plain
from tests.unit.ops.adopt.projects import ENV, PROJECTS, SHELL, plain_project, proposal


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


def test_a_project_that_has_the_section_already_needs_no_overlay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = plain_project("published", tmp_path, monkeypatch)
    path = plain.folder / "compose.yaml"
    path.write_text(path.read_text() + "x-videa: {service: web}\n")
    with pytest.raises(ConfigError, match="x-videa is already there"):
        proposal(load_plain((), None, SHELL))


def test_a_shell_that_names_the_files_would_hide_the_overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_project("published", tmp_path, monkeypatch)
    with pytest.raises(ConfigError, match="COMPOSE_FILE is set in your shell"):
        proposal(load_plain((), None, {**SHELL, "COMPOSE_FILE": "compose.yaml"}))


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
