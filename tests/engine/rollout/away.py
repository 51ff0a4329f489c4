"""A way to the engine that can be cut and mended, for what videa does when the engine is away."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

from docker.context import ContextAPI

CHUNK = 65536


class Road:
    """A socket of its own that leads to the engine's. Everything that is under way is lost when it is cut."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = (os.environ.get("DOCKER_HOST") or ContextAPI.get_context().Host).removeprefix("unix://")
        self._open: list[socket.socket] = []
        self._listening: socket.socket | None = None
        self.mend()

    @property
    def host(self) -> str:
        """For DOCKER_HOST."""
        return f"unix://{self._path}"

    def mend(self) -> None:
        """Leads to the engine from now on."""
        self._path.unlink(missing_ok=True)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self._path))
        self._listening.listen(64)
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def cut(self) -> None:
        """Leads nowhere from now on."""
        listening, self._listening = self._listening, None
        for each in filter(None, (listening, *self._open)):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()
        self._path.unlink(missing_ok=True)

    def _accept(self, listening: socket.socket) -> None:
        while self._listening is listening:
            try:
                near, _ = listening.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._engine)
            except OSError:
                return
            self._open += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
