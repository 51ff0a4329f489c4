"""A whole stack, brought up by `videa up` in a folder of its own, for tests that use videa as its users do."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from bench.temporary_stack import clean_environment, free_port, videa_command
from ops.balancer.render import parse
from tests.conftest import docker, is_running
from tests.engine.forked import forked

ROOT = Path(__file__).parents[2]
OVERLAY = """
x-videa:
  health: {deadline: "${DEADLINE:-30s}", passes: 1}
  canary: {interval: "${INTERVAL:-2s}", steps: [10, 50, 100], min_requests: 10, max_p99: 3s}
"""

QUIET = """
x-quiet: &quiet {security_opt: ["seccomp=unconfined"], healthcheck: {interval: 30s}}
services:
  nginx: {security_opt: ["seccomp=unconfined"]}
  postgres: *quiet
  redis: *quiet
  backend:
    security_opt: ["seccomp=unconfined"]
    depends_on: {postgres: {condition: service_started}, redis: {condition: service_started}}
"""
"""Each check costs a tenth of a second of CPU, and several stacks run at once; nobody waits for the rarer ones.

A third of what a command in a container costs is its filter of system calls, which the engine makes anew each time;
tests/engine/balancer, tests/server and bench run the same images with it. test_foreign.py waits for a healthy
dependency.
"""

SECRETS = (
    *("POSTGRES_PASSWORD", "DATABASE_PASSWORD", "REDIS_PASSWORD", "REDIS_ADMIN_PASSWORD"),
    *("JWT_ACCESS_SECRET", "JWT_REFRESH_SECRET", "TESTER_KEY"),
)
COMMAND_WITHIN = 240.0  # seconds
RELEASES = ("LABEL videa.test.release=1", "LABEL videa.test.release=2")


POLL = 0.05  # seconds
REST = 2
"""Times as long as a look at a condition has taken: a container's command each moment would keep a core busy."""


def until(condition: Callable[[], object], seconds: float = 60, more: Callable[[], str] = str) -> None:
    """Waits for a condition, and fails the test when it does not come. ``more``: what else is said of it then."""
    deadline = time.monotonic() + seconds
    begun = time.monotonic()
    while not condition():
        ended = time.monotonic()
        assert ended < deadline, f"not within {seconds} s{more()}"
        time.sleep(max(POLL, REST * (ended - begun)))
        begun = time.monotonic()


@dataclass(frozen=True)
class LiveStack:
    """The running stack, and the commands on it."""

    directory: Path
    port: int
    project: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def videa(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs videa in the project's folder; its exit code is the caller's to judge."""
        return forked().run(list(arguments), self.directory, {**clean_environment(), **variables}, COMMAND_WITHIN)

    @contextmanager
    def env(self, **variables: str) -> Iterator[None]:
        """Other values in the project's .env for a while."""
        path = self.directory / ".env"
        kept = path.read_text()
        others = [line for line in kept.splitlines() if line.partition("=")[0] not in variables]
        path.write_text("\n".join([*others, *(f"{name}={value}" for name, value in variables.items())]) + "\n")
        try:
            yield
        finally:
            path.write_text(kept)

    def start_videa(
        self, *arguments: str, command: tuple[str, ...] = (), options: dict[str, Any] | None = None, **variables: str
    ) -> subprocess.Popen[str]:
        """Runs videa without waiting for it. ``command``: what starts it; ``options``: of its process."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [*command, videa_command(), *arguments],
            cwd=self.directory,
            env={**clean_environment(), **variables},
            text=True,
            **{**pipes, **(options or {})},
        )

    def never_ready(
        self, command: tuple[str, ...] = (), options: dict[str, Any] | None = None, **variables: str
    ) -> subprocess.Popen[str]:
        """Starts a deploy that does not end by itself: it waits for a replica that has started and never answers."""
        before = len(self.replicas())
        deploy = ("deploy", "--image", make_image('STOPSIGNAL SIGKILL\nCMD ["sleep", "1000"]'))
        process = self.start_videa(*deploy, command=command, options=options, DEADLINE="200s", **variables)
        self.until(lambda: len(self.replicas()) > before)
        return process

    def compose(self, *arguments: str) -> str:
        """Runs docker compose; it must succeed."""
        return self.docker("compose", "--ansi", "never", *arguments)

    def docker(self, *arguments: str) -> str:
        """Runs docker; it must succeed."""
        done = self._run(["docker", *arguments], {})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def done(self, *arguments: str, **variables: str) -> str:
        """Runs videa; it must succeed."""
        done = self.videa(*arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def status(self) -> dict[str, Any]:
        """What `videa status --json` says."""
        found: dict[str, Any] = json.loads(self.done("status", "--json"))
        return found

    def in_balancer(self) -> set[str]:
        """The names of the replicas that get requests."""
        return {replica["name"] for replica in self.status()["replicas"] if replica["in_balancer"]}

    def listed(self) -> set[str]:
        """The names in the balancer's list: as ``in_balancer``, at a fifth of its CPU, for a condition to wait for."""
        membership = parse(self.served())
        return {*membership.servers, *membership.canary}

    def containers(self) -> set[str]:
        """The ids of every container of the project, as in `docker compose ps --all`, which takes longer."""
        labels = (f"com.docker.compose.project={self.project}", "com.docker.compose.oneoff=False")
        return set(self._listed(labels, "{{.ID}}"))

    def replicas(self) -> list[str]:
        """The names of the containers of the scaled service. Unlike Compose's list it allows for one that goes away."""
        return sorted(self._of_service("{{.Names}}"))

    def images(self) -> list[str]:
        """The image of each container of the scaled service."""
        return self._of_service("{{.Image}}")

    def exec(self, service: str, *command: str) -> str:
        """Runs a command in the first container of a service; it must succeed."""
        return self.docker("exec", f"{self.project}-{service}-1", *command)

    def _of_service(self, field: str) -> list[str]:
        labels = (f"com.docker.compose.project={self.project}", "com.docker.compose.service=backend")
        return self._listed(labels, field)

    def _listed(self, labels: tuple[str, ...], field: str) -> list[str]:
        filters = [part for label in labels for part in ("--filter", f"label={label}")]
        return self.docker("ps", "--all", "--no-trunc", *filters, "--format", field).split()

    def served(self) -> str:
        """The balancer's list of replicas."""
        return self.exec("nginx", "cat", "/etc/nginx/videa/upstreams.conf")

    def snapshot(self) -> tuple[set[str], str, str]:
        """Everything that an operation may change: containers, what the balancer serves, what is remembered."""
        return self.containers(), self.served(), (self.directory / ".env").read_text()

    def releases(self) -> tuple[str, str]:
        """The image that all replicas run, and the other one of GOOD and OTHER, which a test may deploy."""
        images = set(self.images())
        if images == {OTHER}:
            return OTHER, GOOD
        if images != {GOOD}:
            self.done("deploy", "--image", GOOD)
        return GOOD, OTHER

    def is_well(self) -> bool:
        """Whether two replicas of the remembered image and nothing else serve, all is healthy and nothing is open."""
        labels = "|".join(f'{{{{.Label "com.docker.compose.{label}"}}}}' for label in ("project", "service"))
        form = f"{{{{.Names}}}}|{{{{.Status}}}}|{{{{.Image}}}}|{labels}"
        shown = [line.split("|") for line in self.docker("ps", "--all", "--format", form).splitlines()]
        names = {name for name, *_ in shown}
        if names & {f"videa.{kind}.{self.project}" for kind in ("lock", "operation", "journal")}:
            return False
        ours = [(name, status, image, service) for name, status, image, of, service in shown if of == self.project]
        if sorted(service for *_, service in ours) != ["backend", "backend", "nginx", "postgres", "redis"]:
            return False
        if not all("(healthy)" in status or "(health: starting)" in status for _, status, *_ in ours):
            return False
        # Not asked by the engine yet. videa has asked a new replica, or it would not be served.
        if any("starting" in status and service != "backend" for _, status, _, service in ours) and not self.is_ready():
            return False
        image = read_env(self.directory / ".env")["BACKEND_IMAGE"]
        if {of for *_, of, service in ours if service == "backend"} != {image}:
            return False
        listed = parse(self.served())
        replicas = {name for name, *_, service in ours if service == "backend"}
        return (set(listed.servers), listed.canary, listed.maintenance) == (replicas, (), None)

    def get(self, path: str) -> Any:
        """The JSON that the stack answers through nginx."""
        with urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def answers(self, path: str) -> bool:
        """Whether the stack answers well at a path through nginx."""
        try:
            return bool(self.get(path))
        except HTTPError as error:
            error.close()
            return False

    def is_ready(self) -> bool:
        """Whether nginx reaches a replica that has its database."""
        try:
            return self.answers("/health/ready")
        except OSError:
            return False

    def until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Waits for a condition, and fails the test when it does not come."""
        until(condition, seconds)

    def _run(self, command: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.directory,
            env={**clean_environment(), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_WITHIN,
        )


def image_name(recipe: str) -> str:
    """What the image of a recipe is called: no test is given the image of another recipe, or of another checkout.

    Nor of another worker, whose tests may move the name to another image.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    return f"videa-test-backend:{sha256((worker + _dockerfile(recipe)).encode()).hexdigest()[:12]}"


def make_image(recipe: str) -> str:
    """Builds an image on top of the backend's own, and gives its name."""
    reference = image_name(recipe)
    subprocess.run(
        ["docker", "build", "--quiet", "--tag", reference, "-"],
        input=_dockerfile(recipe),
        text=True,
        check=True,
        capture_output=True,
    )
    return reference


def _dockerfile(recipe: str) -> str:
    base = read_env(ROOT / ".env").get("BACKEND_IMAGE") or "videa-backend:dev"
    return f"FROM {base}\n{recipe}\n"


def read_env(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


GOOD, OTHER = map(image_name, RELEASES)


def remove_stacks_of_killed_runs() -> None:
    """Removes what test runs that were killed have left on the engine; those still going on are left alone."""
    for kind, remove in (("ps --all", "rm --force"), ("network ls", "network rm"), ("volume ls", "volume rm")):
        name = "{{.Names}}" if kind == "ps --all" else "{{.Name}}"
        for each in docker(*kind.split(), "--format", name).splitlines():
            owner = re.match(r"(?:videa\.\w+\.)?videa-test-(\d{1,7})[-._]", f"{each}-")
            if owner and not is_running(owner[1]):
                docker(*remove.split(), each, check=False)


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """The stack of the whole test run; of one worker, when there are several."""
    remove_stacks_of_killed_runs()
    directory = tmp_path_factory.mktemp("stack")
    shutil.copy(ROOT / "docker-compose.yml", directory)
    shutil.copytree(ROOT / "compose", directory / "compose")
    (directory / "test.yml").write_text(OVERLAY)
    (directory / "quiet.yml").write_text(QUIET)
    for recipe in RELEASES:
        make_image(recipe)
    stack = LiveStack(directory, free_port(), f"videa-test-{os.getpid()}")
    chosen = read_env(ROOT / ".env")
    values = {
        **{name: value for name, value in chosen.items() if name.endswith("_IMAGE")},
        **{name: secrets.token_hex(32) for name in SECRETS},
        "COMPOSE_FILE": chosen.get("COMPOSE_FILE", "docker-compose.yml") + ":test.yml:quiet.yml",
        "COMPOSE_PROJECT_NAME": stack.project,
        "HTTP_PORT": str(stack.port),
        "BACKEND_REPLICAS": "2",
        "BACKEND_IMAGE": GOOD,
    }
    (directory / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    with cleared_away(stack, f"videa-kept/{stack.project}-backend"):
        stack.done("up")
        stack.compose("exec", "-T", "backend", "python", "-m", "server", "seed", "--titles", "20")
        yield stack


@contextmanager
def cleared_away(stack: LiveStack, *repositories: str) -> Iterator[None]:
    """At the end, nothing of the stack is left: containers, volumes, records of videa, images of ``repositories``."""
    try:
        yield
    finally:
        stack.compose("down", "--volumes", "--remove-orphans", "--timeout", "0")
        ours = re.compile(rf"videa\.[a-z]+\.{re.escape(stack.project)}(\.|$)")
        names = stack.docker("ps", "--all", "--format", "{{.Names}}").split()
        if records := list(filter(ours.match, names)):
            stack.docker("rm", "--force", *records)
        if documents := list(filter(ours.match, stack.docker("volume", "ls", "--quiet").split())):
            stack.docker("volume", "rm", *documents)
        for repository in repositories:
            if tags := stack.docker("images", "--format", "{{.Repository}}:{{.Tag}}", repository).split():
                stack.docker("rmi", *tags)


@pytest.fixture
def stack(live: LiveStack) -> LiveStack:
    """The stack with two ready replicas, whatever the test before has left."""
    if not live.is_well():
        live.compose("up", "--detach", "--no-recreate", "nginx", "postgres", "redis")
        live.done("scale", "2")
        if not live.is_well():  # for instance, the image of a failed test is remembered
            live.done("deploy", "--image", GOOD)
    return live


@pytest.fixture
def watching(stack: LiveStack) -> Iterator[subprocess.Popen[str]]:
    """`videa watch`, each second. A killed one would be the watcher of this stack for 30 s more."""
    process = stack.start_videa("watch", "--interval", "1s")
    yield process
    process.terminate()
    process.communicate(timeout=30)
