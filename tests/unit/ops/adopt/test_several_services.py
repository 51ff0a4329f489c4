"""Services that a proxy of the user tells apart, or the user: each gets its own requests."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.adopt.propose import Proposal, env_after
from ops.adopt.removal import removal
from ops.adopt.wanted import Wanted
from ops.adopt.write import install
from ops.errors import UsageError
from ops.project.compose_model import read_model
from ops.project.loading import load
from ops.project.plain import load_plain
from ops.route import EVERYTHING, Route
from tests.unit.ops.adopt.projects import ENV, SHELL, plain_project, proposal


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
