"""A client of the benchmarks as a separate process, next to the measured one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bench.temporary_stack import ROOT, BenchError


@contextmanager
def companion(
    module: str, *arguments: str, ready: str, within: Sequence[str] = ()
) -> Iterator[Callable[[], dict[str, Any]]]:
    """Starts `python -m module`, which prints `ready` on stderr when it is ready, and a JSON report when terminated.

    ``within``: a command that becomes the one after it, such as nsenter.

    Yields a function that ends it and returns the report. Both raise BenchError.
    """
    client = subprocess.Popen(
        [*within, sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def end() -> dict[str, Any]:
        client.terminate()
        output, errors = client.communicate()
        if not output:
            raise BenchError(f"{module} broke off: {errors[-500:]}")
        report: dict[str, Any] = json.loads(output)
        return report

    try:
        assert client.stderr is not None
        if not client.stderr.readline().startswith(ready):
            raise BenchError(f"{module} did not start")
        yield end
    finally:
        if client.poll() is None:
            client.kill()
            client.wait()
