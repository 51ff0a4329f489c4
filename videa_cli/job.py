"""`python -m videa_cli.job FILE NAME`: the main process of a job's container. Runs videa, and reruns it after a kill.

It runs the command in a child process. If the child is killed, this process exits, and the engine restarts the
container. After a restart, this process reads in the journal what is left to do.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ops.errors import ConfigError, VideaError
from ops.jobs.kind import VARIABLE, Kind
from ops.jobs.request import Request, read, write
from ops.jobs.supervise import begins, missed, next_arguments

if TYPE_CHECKING:
    from ops.rollout.entries import JournalState

LONGEST_SLEEP = 10.0
"""Maximum seconds of one sleep: the machine's clock may be changed while a job waits for its time."""

COMMAND = (sys.executable, "-P", "-m", "videa_cli")


@dataclass
class Supervisor:
    """``path``: path of the request; ``name``: name of the container; ``child``: the process of the command."""

    path: Path
    name: str
    child: subprocess.Popen[str] | None = None
    stopped: bool = field(default=False)

    def stop(self, *_: Any) -> None:
        """Asks the command to exit: it rolls back or completes its change."""
        self.stopped = True
        if self.child is None:
            raise SystemExit(128 + signal.SIGTERM)
        self.child.terminate()

    def run(self) -> int:
        """Returns the exit code of the container. Raises EngineError; the engine then restarts the container."""
        request = read(self.path)
        code = 0
        if request is not None:
            self._sleep(request)
            if why := missed(request, time.time()):
                code = _outcome(why)
            elif arguments := next_arguments(request, _state(request)):
                code = self._carry_out(request, arguments)
                if self.stopped or code < 0 or request.kind is Kind.AUTOSCALE:
                    return abs(code) or 1
        from ops.factory import open_jobs

        open_jobs().settle(self.name)
        self.path.unlink(missing_ok=True)
        return code

    def _sleep(self, request: Request) -> None:
        while not request.begun and (left := request.at - time.time()) > 0:
            time.sleep(min(left, LONGEST_SLEEP))

    def _carry_out(self, request: Request, arguments: tuple[str, ...]) -> int:
        environment = {**request.environment, VARIABLE: request.kind.value}
        with subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=request.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as self.child:
            for line in self.child.stdout or ():
                if not request.begun and request.kind is not Kind.AUTOSCALE and begins(line):
                    request = replace(request, begun=True)
                    with suppress(ConfigError):  # the disk is full: the journal has the same information
                        write(self.path, request)
                sys.stdout.write(line)
                sys.stdout.flush()
            return self.child.wait()


def _state(request: Request) -> JournalState | None:
    """The project's journal. Not read for the autoscaler: its process stays, and the engine's client takes 20 MB."""
    if request.kind is Kind.AUTOSCALE:
        return None
    from ops.factory import open_store
    from ops.rollout.journal import Journal

    return Journal(open_store(swarm=request.swarm), request.project).read()


def _outcome(error: str) -> int:
    sys.stdout.write(json.dumps({"type": "outcome", "exit_code": 1, "error": error, "hint": "start it again"}) + "\n")
    return 1


def main() -> None:
    """The entry point."""
    supervisor = Supervisor(Path(sys.argv[1]), sys.argv[2])
    signal.signal(signal.SIGTERM, supervisor.stop)
    signal.signal(signal.SIGINT, supervisor.stop)
    os.environ.update((read(supervisor.path) or _nothing()).environment)
    try:
        sys.exit(supervisor.run())
    except VideaError as error:
        sys.stderr.write(f"{error.message}; {error.hint}\n")
        sys.exit(1)


def _nothing() -> Request:
    return Request("", Kind.OPERATION, (), (), "", "/", {}, 0.0)


if __name__ == "__main__":
    main()
