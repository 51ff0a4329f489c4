"""Logs of services: the manager gets them from every node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ops.engine.client import Engine, engine_errors
from ops.engine.frames import Demultiplexer
from ops.swarm import api, reading
from ops.swarm.services import Services

NO_IMAGE = "No such image"
"""Text in the reason of a node that has rejected a task."""
LAST = 20
"""Number of log lines that explain a failure."""
TAIL_WAIT = 5.0
"""Timeout in seconds for each part of a log's end: a node that has just been lost sends nothing."""


@dataclass(frozen=True)
class Logs:
    """The logs of a project's services."""

    engine: Engine
    services: Services

    def tail(self, task: str, lines: int) -> bytes:
        """The last lines of a task's standard output, on any node. Raises EngineError.

        This does not read the log of the service: if that includes a killed task, the manager of engine 20.10 never
        ends the answer.
        """
        with engine_errors(f"read the log of the task {task}"):
            output = self.engine.api.read(f"/tasks/{task}/logs", {"stdout": True, "tail": lines}, TAIL_WAIT)
            return Demultiplexer().feed(output)

    def last_words(self, service: str) -> str:
        """The end of the log; if a task has printed nothing, why it does not run. Raises EngineError.

        A task that a node has rejected has printed nothing, so its log is not requested.
        """
        tasks = self.services.tasks_of(service)
        if NO_IMAGE in (why := reading.reason(tasks)):
            image = reading.image_of(api.found(self.engine, "services", service))
            refused = str((reading.current(tasks) or {}).get("NodeID") or "")
            node = api.found(self.engine, "nodes", refused) if refused else None
            place = reading.node(node).name if node else "its node"
            return f"{why}: {place} does not have it; send it to every node: videa push {image} --all-nodes"
        words = b""
        with engine_errors(f"read the log of {service}", missing_ok=True):
            words = b"".join(
                self.engine.sdk.api.service_logs(service, stdout=True, stderr=True, tail=str(LAST), is_tty=False)
            )
        return words.decode(errors="replace").strip() or why

    def lines(self, service: str, since: float, tail: int, follow: bool) -> Iterator[str]:
        """The lines, each preceded by its time; ``since``: Unix time, 0 for all. Raises EngineError."""
        rest = b""
        with engine_errors(f"read the log of {service}", missing_ok=True):
            chunks = self.engine.sdk.api.service_logs(
                service,
                stdout=True,
                stderr=True,
                follow=follow,
                timestamps=True,
                since=int(since),
                tail=str(tail),
                is_tty=False,
            )
            for chunk in chunks:
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line.decode(errors="replace") for line in lines)
        if rest:
            yield rest.decode(errors="replace")
