"""The shapes that `bench.projects` takes projects of tests/projects through: options, files and services of each."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Compose = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Shape:
    """A project, and how somebody types commands in it.

    ``options``: of docker compose and of videa before it is adopted; ``later``: of videa after that; ``shell``:
    variables of the shell; ``variables``: further ones in ``env_file``; ``inside``: the current folder, in the project;
    ``named``: the project's name is not in ``env_file``; ``silent``: it publishes no port itself; ``shared``: volumes
    that its replicas may share, without which `videa init` refuses several; ``own_proxy`` and ``own_proxy_back``:
    change the user's own proxy, as `videa init` says, and back.
    """

    name: str
    folder: str
    service: str = "web"
    options: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    shell: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    env_file: str = ".env"
    inside: str = "."
    named: bool = False
    silent: bool = False
    shared: tuple[str, ...] = ()
    init: tuple[str, ...] = ()
    scale: tuple[str, ...] = ("3",)
    paths: tuple[str, ...] = ("/healthz",)
    headers: tuple[str, ...] = ()
    own_proxy: Callable[[Path, Compose], None] | None = None
    own_proxy_back: Callable[[Path, Compose], None] | None = None


def _in_front(folder: Path, compose: Compose) -> None:
    _rewrite(folder, compose, "    server web:8000;", "    server balancer:8080;")


def _behind(folder: Path, compose: Compose) -> None:
    _rewrite(folder, compose, "    server balancer:8080;", "    server web:8000;")


def _both_in_front(folder: Path, compose: Compose) -> None:
    _rewrite(folder, compose, "http://web:8000;", "http://balancer:8080;")
    _rewrite(folder, compose, "    server api:8000;", "    server balancer:8080;")
    _rewrite(folder, compose, "http://backend/;", "http://backend;")


def _both_behind(folder: Path, compose: Compose) -> None:
    _rewrite(folder, compose, "http://backend;", "http://backend/;")
    _rewrite(folder, compose, "    server balancer:8080;", "    server api:8000;")
    _rewrite(folder, compose, "http://balancer:8080;", "http://web:8000;")


def _rewrite(folder: Path, compose: Compose, before: str, after: str) -> None:
    conf = folder / "nginx" / "default.conf"
    text = conf.read_text()
    with conf.open("r+") as file:  # in place: a mounted file is an inode
        file.write(text.replace(before, after))
        file.truncate()
    compose("exec", "nginx", "nginx", "-s", "reload")


SHOP = {"COMPOSE_PROFILES": "shop"}
_ALL = (
    Shape("published", "published"),
    Shape("healthcheck", "healthcheck", "app", paths=("/api/orders",)),
    Shape("worker-redis", "worker-redis", scale=("web=3", "worker=2")),
    Shape("own-nginx", "own-nginx", own_proxy=_in_front, own_proxy_back=_behind),
    Shape("slow-start", "slow-start"),
    Shape(
        "two-web",
        "two-web",
        init=("--service", "web", "--service", "api", "--route", "api=/api"),
        scale=("web=3", "api=2"),
    ),
    Shape(
        "web-api",
        "web-api",
        scale=("web=3", "api=2"),
        paths=("/healthz", "/api/orders"),
        own_proxy=_both_in_front,
        own_proxy_back=_both_behind,
    ),
    Shape(
        "tagged",
        "tagged",
        "shop",
        named=True,
        shared=("uploads",),
        options=("-p", "videa-projects-tagged"),
        later=("-p", "videa-projects-tagged"),
    ),
    Shape("migrate", "migrate"),
    Shape("distroless", "distroless", silent=True),
    Shape("words", "words", variables=SHOP),
    Shape(
        "profile",
        "words",
        options=("--profile", "shop"),
        later=("--profile", "shop"),
        variables={"COMPOSE_PROFILES": ""},
    ),
    Shape("two-files", "words", variables=SHOP, options=("-f", "compose.yaml", "-f", "prod.yaml")),
    Shape("compose-file", "words", variables={**SHOP, "COMPOSE_FILE": "compose.yaml:prod.yaml"}),
    Shape(
        "env-file",
        "words",
        variables=SHOP,
        env_file="prod.env",
        options=("--env-file", "prod.env"),
        later=("--env-file", "prod.env"),
    ),
    Shape("env-files", "words", variables=SHOP, env_file="prod.env", shell={"COMPOSE_ENV_FILES": "prod.env"}),
    Shape(
        "directory",
        "words",
        variables=SHOP,
        inside="below",
        options=("--project-directory", ".."),
        later=("--project-directory", ".."),
    ),
    Shape(
        "elsewhere",
        "words",
        inside="below",
        options=("--project-directory", "..", "-f", "elsewhere.yaml"),
        later=("--project-directory", ".."),
    ),
    Shape(
        "name",
        "words",
        variables=SHOP,
        named=True,
        options=("-p", "videa-projects-other"),
        later=("-p", "videa-projects-other"),
    ),
)
SHAPES = {shape.name: shape for shape in _ALL}
