"""What goes wrong at the operator's side: each with its clear error, its exit code, and nothing changed."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from tests.engine.conftest import LiveStack


def refused(stack: LiveStack, code: int, words: str, *arguments: str, **variables: str) -> None:
    """The command must end with this exit code, two lines of error with these words, and no traceback."""
    done = stack.videa(*arguments, **variables)
    assert done.returncode == code, (arguments, done.stdout + done.stderr)
    assert words in done.stderr, arguments
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error:") == 1
    assert done.stderr.count("hint:") == 1


COMMANDS: list[tuple[int, str, tuple[str, ...]]] = [
    (2, "cannot scale to 999 replicas", ("scale", "999")),
    (6, "x connection_limit 5 =", ("scale", "30")),
    (4, "there is no image", ("deploy", "--image", "videa-test-no-such-image:1")),
    (3, "no Compose file at gone.yml", ("-f", "gone.yml", "status")),
]
OVERLAYS = [
    (3, "unknown key 'replicas'", "x-videa: {replicas: 3}"),
    (3, "there is no service 'web'", "x-videa: {service: web}"),
    (3, "container_name", "services: {backend: {container_name: only}}"),
    (6, "writes to uploads at /data", 'services: {backend: {volumes: ["uploads:/data"]}}\nvolumes: {uploads: {}}'),
    (6, "fixed host port", 'services: {backend: {ports: ["13001:3001"]}}'),
    (6, "MiB", "services: {backend: {deploy: {resources: {reservations: {memory: 900G}, limits: {memory: 901G}}}}}"),
]


def test_a_mistake_on_the_command_line_changes_nothing(stack: LiveStack) -> None:
    """All of them on one look at the stack: what is compared takes longer than a refusal.

    What needs no engine: tests/unit/videa_cli/test_mistakes.py.
    """
    before = stack.snapshot()
    for code, words, arguments in COMMANDS:
        refused(stack, code, words, *arguments)
    assert stack.snapshot() == before


def test_a_mistake_in_the_compose_file_changes_nothing(stack: LiveStack) -> None:
    before = stack.snapshot()
    path = stack.directory / "test.yml"
    good = path.read_text()
    try:
        for code, words, overlay in OVERLAYS:
            path.write_text(overlay)
            refused(stack, code, words, "deploy", "--force")
    finally:
        path.write_text(good)
    assert stack.snapshot() == before


def test_without_a_compose_file(stack: LiveStack, tmp_path: Path) -> None:
    refused(LiveStack(tmp_path, stack.port, stack.project), 3, "no Compose file", "status")


def test_without_an_engine(stack: LiveStack) -> None:
    refused(stack, 4, "Docker Engine does not answer", "scale", "3", DOCKER_HOST="unix:///nowhere.sock")


def test_an_error_is_json_when_json_was_asked_for(stack: LiveStack) -> None:
    done = stack.videa("status", "--json", DOCKER_HOST="unix:///nowhere.sock")
    assert done.returncode == 4
    assert set(json.loads(done.stdout)) == {"error", "hint"}


def test_with_the_balancer_stopped(stack: LiveStack) -> None:
    before = stack.containers()
    stack.compose("stop", "nginx")
    try:
        refused(stack, 5, "is not running", "scale", "3")
        status = stack.status()
        assert "is not running" in status["balancer"]
        assert not any(each["in_balancer"] for each in status["replicas"])
    finally:
        stack.compose("start", "nginx")
    assert stack.containers() == before


def test_with_a_time_that_nginx_would_refuse(stack: LiveStack) -> None:
    """It is refused with its key; what becomes of a configuration that nginx refuses: tests/engine/balancer."""
    before = stack.snapshot()
    path = stack.directory / "test.yml"
    good = path.read_text()
    path.write_text("x-videa: {sticky: cookie, drain_timeout: 9000000000000h}\n")
    try:
        refused(stack, 3, "x-videa.drain_timeout", "scale", "3")
    finally:
        path.write_text(good)
    assert stack.snapshot() == before


def test_with_the_port_taken(stack: LiveStack) -> None:
    stack.compose("stop", "nginx")
    try:
        with socket.create_server(("127.0.0.1", stack.port)):
            refused(stack, 4, f"port {stack.port} is taken", "up")
    finally:
        stack.compose("start", "nginx")
    stack.until(lambda: stack.videa("status").returncode == 0)
