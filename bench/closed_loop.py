"""Closed-loop load: wrk if it is installed, otherwise our own client, which may be slower."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.temporary_stack import ROOT, BenchError

_SCRIPT = Path(__file__).with_name("wrk.lua")
CONNECTIONS = 32


@dataclass(frozen=True)
class Answers:
    """One measurement. Rate in requests/s, times in milliseconds."""

    requests: int
    rate: float
    failed: int
    p50_ms: float
    p99_ms: float
    max_ms: float


def client_name() -> str:
    """The name of the client, for the results."""
    return "wrk" if shutil.which("wrk") else "bench.load"


def flood(port: int, path: str, token: str, seconds: int, core: int, highest: int) -> Answers:
    """Keep 32 connections busy from one core. `{n}` in the path stands for 1 to `highest` in turn.

    Raises BenchError if the client fails.
    """
    url = f"http://127.0.0.1:{port}"
    authorization = f"Authorization: Bearer {token}"
    if client_name() == "wrk":
        command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s"]
        command += ["--header", authorization, "--script", str(_SCRIPT), url + path.replace("{n}", "%7Bn%7D")]
    else:
        command = [sys.executable, "-m", "bench.load", "--url", url, "--get", path, "--numbers", str(highest)]
        command += ["--header", authorization, "--seconds", str(seconds), "--connections", str(CONNECTIONS), "--json"]
    done = subprocess.run(
        ["taskset", "--cpu-list", str(core), *command],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout.strip():
        raise BenchError(f"{client_name()} failed: {done.stderr.strip()}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if client_name() == "wrk":
        return Answers(rate=round(figures["requests"] / figures.pop("seconds"), 1), **figures)
    times = figures["latency_ms"]
    return Answers(
        figures["sent"],
        figures["rate"],
        figures["failed"],
        times.get("p50", 0),
        times.get("p99", 0),
        times.get("max", 0),
    )
