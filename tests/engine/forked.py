"""videa commands without the half second that Python needs to load videa: forked from a process that has loaded it.

Each command is a process of its own, with its own arguments, environment, folder and output. Tests that use
``LiveStack.start_videa`` start it as its users do.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import NoReturn

from bench.temporary_stack import clean_environment

PACKAGES = ("ops", "videa_cli")
RUNS_ITSELF = ".__main__"
LIMIT = 1 << 17
"""Bytes of one order: arguments and environment."""


class Forked:
    """The process from which commands are forked. It ends when this end of the socket is closed."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def run(
        self, arguments: list[str], folder: Path, environment: dict[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Runs ``videa ARGUMENTS``. Raises TimeoutExpired after ``timeout`` seconds, having killed the command."""
        order = json.dumps({"arguments": arguments, "folder": str(folder), "environment": environment}).encode()
        reading, writing = os.pipe()
        with (
            tempfile.TemporaryFile("w+") as output,
            tempfile.TemporaryFile("w+") as errors,
            os.fdopen(reading) as result,
        ):
            with os.fdopen(writing, "w") as theirs:
                socket.send_fds(self._socket, [order], [output.fileno(), errors.fileno(), theirs.fileno()])
            process = int(result.readline())
            if not select.select([result], [], [], timeout)[0]:
                os.kill(process, signal.SIGKILL)
                raise subprocess.TimeoutExpired(["videa", *arguments], timeout)
            code = int(result.readline())
            output.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(["videa", *arguments], code, output.read(), errors.read())

    def close(self) -> None:
        """Ends the process."""
        self._socket.close()
        self._process.wait(30)


@cache
def forked() -> Forked:
    """The process of this test run; of one worker, when there are several."""
    process = Forked(clean_environment())
    atexit.register(process.close)
    return process


def load() -> None:
    """Imports every module of videa, and what these import."""
    for package in map(importlib.import_module, PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(RUNS_ITSELF):
                importlib.import_module(module.name)
    gc.freeze()


def serve(orders: socket.socket) -> None:
    """Starts a process for each order until the other end is closed; returns in each process that is to be videa."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        order, descriptors, *_ = socket.recv_fds(orders, LIMIT, 3)
        if not order:
            sys.exit()
        if os.fork() == 0:
            orders.close()
            break
        for descriptor in descriptors:
            os.close(descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output, errors, result = descriptors
    if process := os.fork():
        attend(process, result)
    os.close(result)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.close(output)
    os.close(errors)
    become(**json.loads(order))


def attend(process: int, result: int) -> NoReturn:
    """Tells the command's process id and, when it has ended, its exit code, or its signal as a negative number."""
    os.write(result, f"{process}\n".encode())
    _, status = os.waitpid(process, 0)
    os.write(result, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def become(arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Takes over what a process of its own would have been given."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["videa", *arguments]


if __name__ == "__main__":
    from videa_cli.start import run

    load()
    serve(socket.socket(fileno=int(sys.argv[1])))
    run()
