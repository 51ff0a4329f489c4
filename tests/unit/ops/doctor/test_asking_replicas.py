"""The script that asks the replicas, run here on servers of the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ops.declared import Declaration
from ops.doctor.collectors.instances import instance_facts
from ops.doctor.facts_engine import ContainerFacts
from ops.models import ExecResult
from ops.project.settings import Settings
from tests.unit.ops.doctor.stack import container

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


class Replica(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"status": "ok", "instance": "%s"}' % self.server.server_address[0].encode()  # type: ignore[union-attr]
        self.send_response(503 if self.path == "/ready" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the error output."""


@pytest.fixture
def port() -> Iterator[int]:
    """Replicas answer at 127.0.0.1, .3 and .4, and nothing listens at 127.0.0.2 and .5."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Replica)]
    port = servers[0].server_address[1]
    servers += [ThreadingHTTPServer((f"127.0.0.{number}", port), Replica) for number in (3, 4)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield port
    for server in servers:
        server.shutdown()
        server.server_close()


class Here:
    """Runs the script on this machine."""

    def ask(self, _: str, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        done = subprocess.run(
            command, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
        )
        return ExecResult(done.returncode, done.stdout)


def replica(number: int) -> ContainerFacts:
    return container("backend", number, name=f"127.0.0.{number}")


def test_replicas_that_do_not_answer_hide_no_other(port: int) -> None:
    declaration = Declaration(port, "/live", "/ready")
    replicas = [replica(number) for number in range(1, 6)]
    nginx = container("nginx")
    found = instance_facts(Here(), Settings(service="backend"), nginx, replicas, lambda _: declaration)
    statuses = {each.name: (each.live, each.ready, each.health) for each in found}
    well, silent = (200, 503, 200), (None, None, None)
    assert statuses == {
        "127.0.0.1": well,
        "127.0.0.2": silent,
        "127.0.0.3": well,
        "127.0.0.4": well,
        "127.0.0.5": silent,
    }
    assert [each.instance for each in found if each.live] == ["127.0.0.1", "127.0.0.3", "127.0.0.4"]
    assert all(abs(each.clock or 0) < 2 for each in found)
