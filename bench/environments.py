"""Environments of the peers and plots: created on demand next to them, ignored by git."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.temporary_stack import BenchError


def python_environment(folder: Path) -> Path:
    """The Python of FOLDER/.venv, created from FOLDER/requirements.txt if missing or older. Raises BenchError."""
    requirements, marker = folder / "requirements.txt", folder / ".venv" / "made"
    python = folder / ".venv" / "bin" / "python"
    if not marker.exists() or marker.stat().st_mtime < requirements.stat().st_mtime:
        _run([sys.executable, "-m", "venv", str(folder / ".venv")], folder)
        _run([str(python), "-m", "pip", "install", "--quiet", "--requirement", str(requirements)], folder)
        marker.touch()
    return python


def node_modules(folder: Path) -> None:
    """Install FOLDER/package.json if it is not installed or newer. Raises BenchError."""
    marker = folder / "node_modules" / ".made"
    if not marker.exists() or marker.stat().st_mtime < (folder / "package.json").stat().st_mtime:
        _run(["npm", "install", "--omit=dev", "--no-audit", "--no-fund", "--no-package-lock"], folder)
        marker.touch()


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BenchError(f"{command[0]} is not installed") from None
    if done.returncode:
        raise BenchError(f"{' '.join(command[:3])}: {done.stderr.strip()}")
