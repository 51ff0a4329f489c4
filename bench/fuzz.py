"""What `videa` makes of anything: `python -m bench.fuzz` runs it on random input of every kind until its time is over.

Each answer must have a documented exit code and, for an error, one line of what is wrong and one of what to do; within
bounded time and memory, and with no file changed. Real commands and the real Compose; no engine is reached. Prints what
is wrong and where its files are kept; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bench import inputs
from bench.temporary_stack import videa_command

NOWHERE = "unix:///nowhere.sock"
GOOD = {
    "name": "shop",
    "services": {"app": {"image": "${A:-app:old}", "x-videa": {}}, "nginx": {"image": "nginx"}},
}
LOOKS = ["config"], ["config", "--json"], ["plan"], ["status"], ["status", "--json"], ["scale", "3", "--dry-run"]
"""Commands that read everything and change nothing."""
VARIABLES = (
    *("A", "COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_ENV_FILES", "COMPOSE_DISABLE_ENV_FILE", "COMPOSE_PROFILES"),
    *(
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "DOCKER_CONFIG",
        "DOCKER_CERT_PATH",
        "COLUMNS",
        "TERM",
        "HOME",
        "TMPDIR",
        "LANG",
    ),
)
MOST_SECONDS = 30.0
MOST_MEMORY = 300 << 20
"""Bytes; a command with nothing odd in it takes 60 MB."""


@dataclass(frozen=True)
class Case:
    """A command and what it finds: the text of compose.yml and .env, and the variables of the shell."""

    arguments: list[str]
    compose: str = json.dumps(GOOD)
    env_file: bytes = b""
    variables: Mapping[str, str] = field(default_factory=dict)


def _case_of_model(service: object, section: object, top: bool, arguments: list[str]) -> Case:
    services = {"app": service, "nginx": {"image": "nginx"}}
    if isinstance(service, dict) and not top:
        services["app"] = {**service, "x-videa": section}
    return Case(arguments, json.dumps({"name": "shop", "services": services, **({"x-videa": section} if top else {})}))


ANY_LOOK = st.sampled_from(LOOKS)
KINDS: dict[str, st.SearchStrategy[Case]] = {
    "command": inputs.command_lines().map(Case),
    "section": st.builds(_case_of_model, st.just({"image": "app:old"}), inputs.sections(), st.booleans(), ANY_LOOK),
    "model": st.builds(
        _case_of_model, inputs.services() | inputs.raw_services() | inputs.VALUES, st.just({}), st.booleans(), ANY_LOOK
    ),
    "env-file": st.builds(
        lambda text, arguments: Case(arguments, env_file=text.encode(errors="surrogateescape")),
        inputs.env_files(),
        ANY_LOOK,
    ),
    "environment": st.builds(
        lambda variables, arguments: Case(arguments, variables=variables),
        st.dictionaries(st.sampled_from(VARIABLES), inputs.ARGUMENTS, min_size=1, max_size=2),
        ANY_LOOK,
    ),
}


def complaint_about(case: Case, folder: Path) -> str:
    """Runs a case in an empty folder; what is wrong with its answer, empty if nothing is."""
    (folder / "compose.yml").write_text(case.compose)
    (folder / ".env").write_bytes(case.env_file)
    before = _contents(folder)
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"DOCKER_HOST": NOWHERE, **case.variables}
    begun = time.monotonic()
    with (folder / "out").open("w+b") as out, (folder / "err").open("w+b") as err:
        process = subprocess.Popen(
            ["timeout", "--kill-after=5", str(2 * MOST_SECONDS), videa_command(), *case.arguments],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        answer = inputs.Answer(process.returncode, *(each.read().decode(errors="replace") for each in (out, err)))
    if found := answer.complaint(case.arguments):
        return f"{found}: {answer.err[-300:]!r}"
    if (seconds := time.monotonic() - begun) > MOST_SECONDS:
        return f"took {seconds:.0f} s"
    if usage.ru_maxrss * 1024 > MOST_MEMORY:
        return f"took {usage.ru_maxrss >> 10} MB"
    after = {name: content for name, content in _contents(folder).items() if name not in ("out", "err")}
    return "a file was changed" if after != before and "--bundle" not in str(case.arguments) else ""


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def search(kind: str, until: float, first_seed: int, report: Callable[[Case, str, Path], None]) -> int:
    """Tries cases of a kind until the monotonic time ``until``; returns how many. ``report``: gets the bad ones."""
    tried = 0

    @settings(
        max_examples=20, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(KINDS[kind])
    def attempt(case: Case) -> None:
        nonlocal tried
        folder = Path(tempfile.mkdtemp(prefix="videa-fuzz-"))
        found = complaint_about(case, folder)
        tried += 1
        if found:
            report(case, found, folder)
        else:
            shutil.rmtree(folder)

    for number in count(first_seed):
        if time.monotonic() > until:
            return tried
        seed(number)(attempt)()
    raise AssertionError


def main(arguments: list[str] | None = None) -> int:
    """Search, print; the exit code is 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--minutes", type=float, default=5, help="in total (default 5)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="to have the same cases again")
    options = parser.parse_args(arguments)
    kinds = options.kinds or list(KINDS)
    bad: list[str] = []

    def report(case: Case, found: str, folder: Path) -> None:
        bad.append(found)
        print(f"  {found}\n    {[each[:80] for each in case.arguments]} {dict(case.variables)} in {folder}", flush=True)

    for kind in kinds:
        tried = search(kind, time.monotonic() + options.minutes * 60 / len(kinds), options.seed, report)
        print(f"{kind}: {tried} tried", flush=True)
    print(f"{len(bad)} bad answers; seed {options.seed}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
