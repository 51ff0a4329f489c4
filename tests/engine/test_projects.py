"""Projects as strangers have them: adopted by `videa init`, scaled and deployed under a client, and left again.

tests/unit/ops/adopt/test_propose.py has what init proposes for every folder of tests/projects.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.companion import companion
from bench.temporary_stack import free_port
from ops.balancer import packaged
from tests.engine.conftest import ROOT, LiveStack, cleared_away, read_env

PROJECTS = ROOT / "tests" / "projects"
PATH = "/healthz"
RATE = 100


class Adopted(LiveStack):
    """A copy of one of the projects. ``env``: its .env before videa has seen it."""

    @property
    def env_file(self) -> Path:
        return self.directory / ".env"

    def services(self) -> list[str]:
        """The services that run, each once per container."""
        return sorted(self.compose("ps", "--format", "{{.Service}}").split())

    def serves(self) -> bool:
        """Whether the published port answers."""
        done = self._run(["curl", "-fsS", "-o", os.devnull, self.url + PATH], {})
        return done.returncode == 0

    @contextmanager
    def under_load(self, *options: str) -> Iterator[None]:
        """A client that counts every request; none may fail."""
        arguments = ("--url", self.url, "--json", "--rate", str(RATE), "--connections", "8", "--get", PATH, *options)
        report: dict[str, Any] = {}
        with companion("bench.load", *arguments, ready="load: first answer") as end:
            yield
            report = end()
        assert report["sent"] > RATE
        assert report["failed"] == 0, report["failures"][:5]


@contextmanager
def project(name: str, folder: Path) -> Iterator[Adopted]:
    directory = folder / f"My {name}"
    shutil.copytree(PROJECTS / name, directory)
    shutil.copy(PROJECTS / "app.py", directory)
    stack = Adopted(directory, free_port(), f"videa-test-{os.getpid()}-{name}")
    debian = bool(read_env(ROOT / ".env").get("COMPOSE_FILE"))
    values = {
        "PYTHON": "videa/python" if debian else "python:3.13-slim",
        "NGINX": "videa/nginx" if debian else "nginx:1.30-alpine",
        "REDIS": "videa/redis:8" if debian else "redis:8",
        "WEB_PORT": str(stack.port),
        "WEB_NAME": f"{stack.project}-the-web",
        "COMPOSE_PROJECT_NAME": stack.project,
    }
    stack.env_file.write_text("# kept\n" + "".join(f"{key}={value}\n" for key, value in values.items()))
    with cleared_away(stack, f"videa-kept/{stack.project}-*"):
        yield stack


def try_out(stack: Adopted, service: str, *commands: tuple[str, ...]) -> None:
    """What an operator does every day, under a client; two replicas are left."""
    with stack.under_load():
        for command in commands:
            stack.done(*command)
    before = stack.containers()
    stack.compose("up", "--detach")
    assert stack.containers() == before
    assert stack.services().count(service) == 2
    stack.done("doctor")


def leave(stack: Adopted, env: str, services: list[str]) -> None:
    """Goes back: the user's files and containers are as they were before."""
    stack.done("init", "--remove", "--yes")
    assert stack.env_file.read_text() == env
    assert not (stack.directory / "compose.videa.yaml").exists()
    assert stack.services() == services
    assert not stack.docker("volume", "ls", "--quiet", "--filter", f"name={stack.project}_balancer").split()
    assert not stack.docker("ps", "--all", "--quiet", "--filter", rf"name=^/?videa\..*\.{stack.project}").split()
    before = stack.containers()
    stack.compose("up", "--detach")
    assert stack.containers() == before
    stack.until(stack.serves)


def test_a_running_application_is_adopted_and_its_port_changes_hands(tmp_path: Path) -> None:
    with project("published", tmp_path) as stack:
        # Compose copies such a config only into containers that it starts itself.
        more = "services: {web: {configs: [{source: words, target: /words}]}}\nconfigs: {words: {content: kept}}\n"
        (stack.directory / "compose.override.yaml").write_text(more)
        env = stack.env_file.read_text()
        stack.compose("up", "--detach")
        stack.until(stack.serves)
        running = stack.containers()

        # A health path that never answers: the replica beside the old one is removed again, and that one never knows.
        stack.done("init", "--yes", "--health", "/missing")
        overlay = stack.directory / "compose.videa.yaml"
        overlay.write_text(overlay.read_text().replace("{ready: /missing}", "{ready: /missing, deadline: 2s}"))
        failed = stack.videa("up")
        assert failed.returncode == 1, failed.stderr
        assert "/missing" in failed.stderr
        assert "status 404" in failed.stderr
        assert "everything was rolled back" in failed.stderr
        assert stack.containers() - running <= set(stack.compose("ps", "--all", "--quiet", "balancer").split())
        assert stack.serves()

        overlay.unlink()
        done = stack.done("init", "--yes")
        assert "answers /healthz" in done
        assert packaged.reference() in overlay.read_text()
        moves = f"the published port moves from {stack.project}-web-1 to balancer"
        assert moves in stack.done("up", "--dry-run")
        # Connections that are kept to the old container end with it, as a browser expects: such a GET is sent again.
        with stack.under_load("--retry"):
            up = stack.videa("up")
        assert (up.returncode, moves in up.stderr) == (0, True), up.stderr
        assert stack.serves()
        assert stack.services() == ["balancer", "web"]
        with stack.under_load():
            leave(stack, env, ["web"])
        assert stack.compose("exec", "-T", "web", "cat", "/words") == "kept"


def test_a_plain_first_start_serves_and_the_worker_is_scaled_and_deployed_with_the_service(tmp_path: Path) -> None:
    with project("worker-redis", tmp_path) as stack:
        env = stack.env_file.read_text()
        stack.done("init", "--yes", "--health", PATH)
        stack.compose("up", "--detach")
        stack.until(stack.serves)
        stack.done("up")
        # Also while the worker has not run for long enough yet to be well: the deploy waits for that.
        assert "nothing to do: " in stack.done("deploy")
        worker, redis = stack.compose("ps", "--quiet", "worker"), stack.compose("ps", "--quiet", "redis")
        asked = f"from urllib.request import urlopen; urlopen('http://{stack.project}-the-web:8000{PATH}')"
        stack.compose("exec", "-T", "worker", "python3", "-c", asked)
        with stack.under_load():
            stack.done("scale", "web=2", "worker=2")
        assert worker.strip() in stack.compose("ps", "--quiet", "worker").split()
        try_out(stack, "web", ("deploy", "--force"), ("scale", "worker=1"))
        assert worker.strip() not in stack.compose("ps", "--quiet", "worker").split()
        assert stack.compose("ps", "--quiet", "redis") == redis
        with stack.under_load():  # the service has a fixed name, and goes back without a gap
            leave(stack, env, ["redis", "web", "worker"])


def test_the_users_own_nginx_stays_in_front(tmp_path: Path) -> None:
    with project("own-nginx", tmp_path) as stack:
        env = stack.env_file.read_text()
        stack.compose("up", "--detach")
        stack.until(stack.serves)
        before = stack.containers()
        with stack.under_load():
            done = stack.done("init", "--yes")
            stack.done("up")
        assert before <= stack.containers()

        conf = stack.directory / "nginx" / "default.conf"
        assert "nginx/default.conf:3 sends requests past the balancer: server web:8000;" in done
        assert "server balancer:8080;" in done
        assert done.endswith("next: videa up, then the change of the proxy's lines, then videa deploy\n")
        written = conf.read_text()
        with conf.open("r+") as file:  # in place: a mounted file is an inode
            file.write(written.replace("    # server old:8000;\n    server web:8000;", "    server balancer:8080;"))
            file.truncate()
        stack.compose("exec", "nginx", "nginx", "-s", "reload")
        stack.until(stack.serves)
        try_out(stack, "web", ("deploy",), ("scale", "2"))
        assert "nothing to do" in stack.done("init", "--yes")
        assert "default.conf:2 names the balancer: server balancer:8080;" in stack.done("init", "--remove", "--dry-run")

        with conf.open("r+") as file:
            file.write(written)
        stack.done("init", "--remove", "--yes")
        assert stack.env_file.read_text() == env
        assert stack.services() == ["nginx", "web"]
