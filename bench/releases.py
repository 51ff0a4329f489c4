"""Good and bad releases of the backend: its image plus one injected file."""

from __future__ import annotations

import subprocess

from bench.temporary_stack import ROOT, BenchError, backend_image

FOLDER = ROOT / "bench" / "bad_release"
REPOSITORY = "videa-bench-release"

GOOD = ("good-a", "good-b")
"""Two releases that differ only in their name, so that each deploy has something to do."""

BAD = ("errors", "slow", "leaks", "never-ready", "exits")
"""Errors on 5% of requests, 3 times slower, leaks memory until it is killed, never ready, exits after 20 s."""

MARK = 555
"""The status of errors that come from a bad release itself (bad_release/sitecustomize.py)."""


def reference(name: str) -> str:
    """The image of a release."""
    return f"{REPOSITORY}:{name}"


def make(name: str) -> str:
    """Builds a release's image and returns its reference. Raises BenchError."""
    fault = name if name in BAD else ""
    recipe = (
        f"FROM {backend_image()}\nCOPY sitecustomize.py /bench/\n"
        f"ENV PYTHONPATH=/bench BENCH_FAULT={fault}\nLABEL videa.bench.release={name}\n"
    )
    command = ["docker", "build", "--quiet", "--tag", reference(name), "--file", "-", str(FOLDER)]
    built = subprocess.run(command, input=recipe, text=True, capture_output=True, check=False)
    if built.returncode:
        raise BenchError(f"the release {name} cannot be built:\n{built.stderr}")
    return reference(name)
