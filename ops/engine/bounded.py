"""Runs a command that reads what a user has written, which may be made so that reading it never ends.

A YAML file of a hundred bytes can stand for gigabytes (aliases of aliases), so time, memory and output have a bound.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# A shell sets the bound, since it must hold from the start and Python has no safe moment for it beside threads.
# RLIMIT_DATA counts what a Go program really uses; RLIMIT_AS also what its runtime reserves, which is a gigabyte.
WITH_BOUND = 'ulimit -S -d "$0" 2>/dev/null; exec "$@"'
COMMAND_NOT_FOUND = 127
CHUNK = 1 << 16
OUT_OF_MEMORY = re.compile(rb"^(?:fatal error|runtime|panic): .*(?:memory|failed to reserve)", re.MULTILINE)
"""What a Go program says then. It may go on for minutes, or for ever, with saying where it was."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """``seconds``; ``memory`` and ``output``: bytes."""

    seconds: float
    memory: int
    output: int


class BoundReached(Exception):
    """The command needed more than it was given; its words say of what."""


def run_bounded(
    command: list[str], folder: Path | None, environment: Mapping[str, str], bounds: Bounds
) -> subprocess.CompletedProcess[str]:
    """Runs a command with nothing to read. Raises BoundReached, and FileNotFoundError when there is no such command."""
    process = subprocess.Popen(
        ["sh", "-c", WITH_BOUND, str(bounds.memory // 1024), *command],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # The lock of the operation stays taken until its last command has ended too (ops/rollout/lock.py).
        close_fds=False,
    )
    try:
        with process.stdout as output, process.stderr as errors:  # type: ignore[union-attr]
            text, words = _read(output, errors, bounds)
        code = process.wait()
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # the plugin that does the work is a process of its own
            process.wait()
    if code == COMMAND_NOT_FOUND:
        raise FileNotFoundError(command[0])
    return subprocess.CompletedProcess(command, code, text.decode(errors="replace"), words.decode(errors="replace"))


def _read(output: IO[bytes], errors: IO[bytes], bounds: Bounds) -> tuple[bytes, bytes]:
    """Everything until both end. Raises BoundReached."""
    deadline = time.monotonic() + bounds.seconds
    read = {output: bytearray(), errors: bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in read:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise BoundReached(f"{bounds.seconds:g} s")
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                read[key.fileobj] += chunk  # type: ignore[index]
            if OUT_OF_MEMORY.search(read[errors]):
                raise BoundReached(f"{bounds.memory >> 20} MB of memory")
            if any(len(part) > bounds.output for part in read.values()):
                raise BoundReached(f"{bounds.output >> 20} MB of text")
    return bytes(read[output]), bytes(read[errors])
