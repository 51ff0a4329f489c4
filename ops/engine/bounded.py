"""Runs a command that reads a user's file, with limits for time, memory and output.

A YAML file of a hundred bytes can expand to gigabytes (aliases of aliases), so parsing may never end.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import msgspec

# A shell sets the limit: it must apply from the start, and Python's preexec_fn is not safe with threads. RLIMIT_DATA
# counts the memory that a Go program uses; RLIMIT_AS also counts the gigabyte that its runtime reserves.
WITH_LIMIT = 'ulimit -S -d "$0" 2>/dev/null; exec "$@"'
COMMAND_NOT_FOUND = 127
CHUNK = 1 << 16
OUT_OF_MEMORY = re.compile(rb"^(?:fatal error|runtime|panic): .*(?:memory|failed to reserve)", re.MULTILINE)
"""The message of a Go program that is out of memory. It may then print stack traces for minutes, or forever."""


class Bounds(msgspec.Struct, frozen=True):
    """``seconds``; ``memory`` and ``output``: bytes."""

    seconds: float
    memory: int
    output: int


class BoundReached(Exception):
    """The command exceeded a limit; the message names the limit."""


def run_bounded(
    command: list[str], folder: Path | None, environment: Mapping[str, str], bounds: Bounds, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Runs a command with ``given`` as its stdin.

    Raises BoundReached, and FileNotFoundError if the command does not exist.
    """
    with _stdin(given) as stdin:
        process = subprocess.Popen(
            ["sh", "-c", WITH_LIMIT, str(bounds.memory // 1024), *command],
            cwd=folder,
            env=dict(environment),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            # The child inherits the operation's lock, so it is held until the child ends too (ops/rollout/lock.py).
            close_fds=False,
        )
    try:
        with process.stdout as output, process.stderr as errors:  # type: ignore[union-attr]
            stdout, stderr = _read(output, errors, bounds)
        code = process.wait()
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # the Compose plugin is a separate process
            process.wait()
    if code == COMMAND_NOT_FOUND:
        raise FileNotFoundError(command[0])
    return subprocess.CompletedProcess(command, code, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


@contextmanager
def _stdin(given: str) -> Iterator[IO[bytes]]:
    """An anonymous file with this content, because the content may be secret."""
    if not given:
        with Path(os.devnull).open("rb") as nothing:
            yield nothing
        return
    with tempfile.TemporaryFile() as file:
        file.write(given.encode(errors="surrogateescape"))
        file.seek(0)
        yield file


def _read(output: IO[bytes], errors: IO[bytes], bounds: Bounds) -> tuple[bytes, bytes]:
    """The content of both streams until they end. Raises BoundReached."""
    deadline = time.monotonic() + bounds.seconds
    read = {output: bytearray(), errors: bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in read:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise BoundReached(f"{bounds.seconds:g} s")
            for key, _ in selector.select(remaining):
                chunk = os.read(key.fd, CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                read[key.fileobj] += chunk  # type: ignore[index]
            if OUT_OF_MEMORY.search(read[errors]):
                raise BoundReached(f"{bounds.memory >> 20} MB of memory")
            if any(len(part) > bounds.output for part in read.values()):
                raise BoundReached(f"{bounds.output >> 20} MB of text")
    return bytes(read[output]), bytes(read[errors])
