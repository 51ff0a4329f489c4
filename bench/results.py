"""Results as JSON, with the date, the commit and the machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

from bench.temporary_stack import ROOT

RESULTS = ROOT / "bench" / "results"


def write_results(name: str, figures: dict[str, Any]) -> Path:
    """Write bench/results/NAME.json and return its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"run": _run_facts(), **figures}, indent=1) + "\n")
    return path


def read_results(name: str) -> dict[str, Any]:
    """The content of bench/results/NAME.json; {} if there is no such file."""
    path = RESULTS / f"{name}.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return results


def _run_facts() -> dict[str, Any]:
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": _said_by("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"),
        "cpus": os.cpu_count(),
        "load_average_at_end": [round(load, 1) for load in os.getloadavg()],
        "kernel": platform.release(),
        "python": platform.python_version(),
        "docker": _said_by("docker", "version", "--format", "{{.Server.Version}}"),
        "compose": _said_by("docker", "compose", "version", "--short"),
    }


def _said_by(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""
