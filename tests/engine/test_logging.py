"""compose/logging.yml: what a collector gets, and that nothing waits for one that is down."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import pytest

from bench.temporary_stack import clean_environment
from tests.engine.conftest import ROOT, read_env, until

WRITER = """
import json, pathlib, time
for n in range(10**9):
    print(json.dumps({"n": n, "pad": "x" * 900}), flush=True)
    pathlib.Path("/tmp/written").write_text(str(n))
    time.sleep(0.0005)
"""
FILE = f"""
services:
  writer:
    extends: {{file: "{ROOT}/compose/logging/${{LOG_DRIVER}}.yml", service: log}}
    image: "${{IMAGE}}"
    command: {json.dumps(["python", "-c", WRITER])}
    stop_signal: SIGKILL
"""


@dataclass
class Collector:
    """Takes what comes over TCP. ``numbers``: of the lines that have arrived."""

    port: int = 0
    numbers: set[int] = field(default_factory=set)

    @contextmanager
    def up(self) -> Iterator[None]:
        """It listens; at the end all its connections break."""
        connections: list[socket.socket] = []

        def read(connection: socket.socket) -> None:
            rest = b""
            with suppress(OSError):
                while chunk := connection.recv(1 << 16):
                    rest += chunk
                    self.numbers |= {int(number) for number in re.findall(rb'"n": (\d+),', rest)}
                    rest = rest[-64:]

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connections.append(connection)
                    Thread(target=read, args=(connection,), daemon=True).start()

        with closing(socket.create_server(("127.0.0.1", self.port))) as listener:
            self.port = listener.getsockname()[1]
            Thread(target=accept, daemon=True).start()
            yield
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


@dataclass
class Writer:
    """A container that writes a line each millisecond or so, as fast as its log takes them."""

    directory: Path
    variables: dict[str, str]

    def compose(self, *arguments: str) -> str:
        command = ["docker", "compose", "--project-name", f"videa-test-{os.getpid()}-log", *arguments]
        environment = {**clean_environment(), **self.variables}
        return subprocess.run(
            command, cwd=self.directory, env=environment, capture_output=True, text=True, check=True, timeout=120
        ).stdout

    @property
    def written(self) -> int:
        return int(self.compose("exec", "-T", "writer", "cat", "/tmp/written") or 0)


@pytest.mark.parametrize("driver", ["fluentd", "syslog"])
def test_a_collector_that_is_down_holds_nothing_up(tmp_path: Path, driver: str) -> None:
    (tmp_path / "compose.yml").write_text(FILE)
    collector = Collector()
    with collector.up():
        image = read_env(ROOT / ".env").get("BACKEND_IMAGE") or "videa-backend:dev"
        address = f"tcp://127.0.0.1:{collector.port}"
        writer = Writer(tmp_path, {"IMAGE": image, "LOG_DRIVER": driver, "LOG_ADDRESS": address, "LOG_BUFFER": "128k"})
        writer.compose("up", "--detach")
        until(lambda: len(collector.numbers) > 20)
    try:
        at = writer.written
        until(lambda: writer.written > at + 3000)  # 3 MB, more than all buffers
        assert writer.compose("logs", "--no-log-prefix", "--tail", "1").startswith('{"n": '), (
            "docker logs has its own copy"
        )
        with collector.up():
            back = writer.written
            until(lambda: max(collector.numbers) > back)
    finally:
        writer.compose("down", "--timeout", "0")
