"""Profile of the backend: `python -m bench.hotspots` samples it under load and adds the samples up by package.

Requests one cached title over 32 connections, authenticated and rate limited, while py-spy samples the server's stack
500 times a second. Each sample counts for the innermost frame of a known package, so a call into Redis's client counts
for the client and not for its caller.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.closed_loop import flood
from bench.environments import python_environment
from bench.results import write_results
from bench.services import data_services
from bench.targets import TARGETS, TITLE, started
from bench.temporary_stack import ROOT, BenchError

SERVER_CORE, CLIENT_CORE = 0, 1
_WAITING = ("Condition.wait", "wait", "_worker")
"""Threads that wait for work: py-spy reports some of them as busy."""
_FRAME = re.compile(r"(?P<function>.*) \((?P<file>[^()]+?)(:\d+)?\)$")


def sample(pid: int, seconds: int) -> list[str]:
    """The collapsed stacks of a process, each followed by its count. Raises BenchError."""
    spy = str(python_environment(ROOT / "bench").parent / "py-spy")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stacks"
        command = [spy, "record", "--pid", str(pid), "--duration", str(seconds), "--rate", "500", "--format", "raw"]
        done = subprocess.run([*command, "--output", str(path)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"py-spy: {done.stderr.strip()}")
        return path.read_text().splitlines()


def package(file: str) -> str:
    """The part that a source file belongs to; "" for small helpers of the standard library."""
    path = Path(file)
    if "server" in path.parts[:-1] or file.startswith("server/"):
        return f"server/{path.name}"
    for name in ("aiohttp", "redis", "aiopg", "psycopg2", "jwt", "msgspec", "prometheus_client", "hiredis"):
        if name in path.parts:
            return name
    for name in ("asyncio", "logging", "json", "selectors.py"):
        if name in path.parts:
            return name.removesuffix(".py")
    return ""


def shares(stacks: list[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Percent of samples by package, and by function for the innermost frames; both sorted."""
    packages: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        frames = [match for frame in stack.split(";") if (match := _FRAME.match(frame))]
        if not frames or frames[-1]["function"] in _WAITING:
            continue
        owner = next((name for frame in reversed(frames) if (name := package(frame["file"]))), "other")
        packages[owner] += int(count)
        functions[f"{frames[-1]['function']} ({Path(frames[-1]['file']).name})"] += int(count)
    total = packages.total() or 1
    return (
        {name: round(100 * count / total, 1) for name, count in packages.most_common()},
        {name: round(100 * count / total, 1) for name, count in functions.most_common(25)},
    )


def main(arguments: list[str] | None = None) -> int:
    """Sample, print and write; the exit code is 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.hotspots", description=__doc__)
    parser.add_argument("--seconds", type=int, default=8)
    seconds = parser.parse_args(arguments).seconds
    with (
        data_services(CLIENT_CORE, 100) as services,
        started(TARGETS[0], services, SERVER_CORE) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        load = pool.submit(flood, server.port, TITLE, server.token, seconds + 3, CLIENT_CORE, 1)
        stacks = sample(server.pid, seconds)
        answers = load.result()
    packages, functions = shares(stacks)
    for title, table in (("by package", packages), ("innermost functions", functions)):
        print(title)
        for name, percent in table.items():
            print(f"  {percent:5.1f} %  {name}")
    path = write_results("hotspots", {"rate": answers.rate, "packages": packages, "functions": functions})
    print(f"written to {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
