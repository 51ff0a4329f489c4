"""A file that stands for gigabytes does not take the machine with it."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path

from bench.stack import videa_command

GUARD = 3 << 30
"""Bytes of data for videa and each process below it, in case that its own bound fails: the machine must survive."""


def bomb(folder: Path, depth: int) -> Path:
    lines = ['x-0: &a0 ["lol", "lol", "lol", "lol", "lol", "lol", "lol", "lol", "lol"]']
    lines += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, depth)]
    path = folder / "bomb.yml"
    path.write_text("\n".join([*lines, "services: {backend: {image: x}, nginx: {image: x}}", "x-videa: {}"]) + "\n")
    return path


def test_aliases_of_aliases_are_refused(tmp_path: Path) -> None:
    bomb(tmp_path, depth=9)
    done = subprocess.run(
        ["prlimit", f"--data={GUARD}", videa_command(), "-f", "bomb.yml", "config"],
        cwd=tmp_path, env={**os.environ}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "could not read bomb.yml within" in done.stderr
    assert "Traceback" not in done.stderr
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert used < GUARD / 3
