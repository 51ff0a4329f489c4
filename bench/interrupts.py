"""Ctrl-C at random moments of operations under load: `python -m bench.interrupts [--single 30] [--double 15]`.

150 requests/s. Each operation is interrupted once, or twice in a row, at a moment between its start and its usual end;
every third one within its first second. Afterwards no lock and no journal is left, all replicas are listed, and the
last sentence and the exit code are true: as before, or done. Prints one line per operation, and exits with 1 if one of
them does not hold or if a request failed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from bench.client import under_load
from bench.temporary_stack import PROJECT, RELEASES, BenchStack, bench_stack
from ops.balancer.render import parse

RATE = 150
LONGEST = {"scale": 5.0, "deploy": 12.0}
"""Seconds within which an operation is interrupted."""


@dataclass(frozen=True)
class Seen:
    """The stack: images of the replicas by name, the balancer's list, and the records of an operation on the engine."""

    images: dict[str, str]
    listed: frozenset[str]
    records: tuple[str, ...]
    variables: str

    @property
    def whole(self) -> bool:
        """Whether every replica is listed, and no record is left."""
        return self.listed == self.images.keys() and not self.records


def look(stack: BenchStack) -> Seen:
    """The stack now."""
    output = _docker("ps", "--all", "--format", '{{.Names}} {{.Image}} {{.Label "com.docker.compose.service"}}')
    rows = [line.split() for line in output.splitlines()]
    images = {row[0]: row[1] for row in rows if row[0].startswith(f"{PROJECT}-backend-") and row[2:] == ["backend"]}
    records = tuple(
        row[0] for row in rows if row[0] in {f"videa.{kind}.{PROJECT}" for kind in ("lock", "operation", "journal")}
    )
    text = _docker("exec", f"{PROJECT}-nginx-1", "cat", "/etc/nginx/videa/upstreams.conf")
    membership = parse(text)
    return Seen(
        images, frozenset((*membership.servers, *membership.canary)), records, (stack.directory / ".env").read_text()
    )


DEPLOYS = ("--rolling",), ("--blue-green", "--keep", "2s"), ("--canary",)


def next_command(number: int, now: Seen) -> tuple[str, ...]:
    """A scale or a deploy, alternately; it changes something, whether or not the previous one was rolled back."""
    if number % 2 == 0:
        return ("scale", "4" if len(now.images) == 2 else "2")
    other = RELEASES[set(now.images.values()) == {RELEASES[0]}]
    return ("deploy", "--image", other, *DEPLOYS[number // 2 % 3])


def interrupted(stack: BenchStack, command: tuple[str, ...], after: float, gap: float | None) -> tuple[int, str]:
    """Runs an operation and presses Ctrl-C. Returns its exit code and what it said. ``after``, ``gap``: seconds."""
    process = stack.start_read(*command, own_session=True)
    for pause in (after, *([] if gap is None else [gap])):
        time.sleep(pause)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=240)
    return process.returncode, output


def fault(before: Seen, after: Seen, code: int, said: str) -> str:
    """What is not as said; "" if all is."""
    same = (before.images, before.variables) == (after.images, after.variables)
    starting = code == -signal.SIGINT  # Python itself was still starting: nobody can say anything then
    told = any(words in said for words in ("nothing was changed", "everything was rolled back"))
    faults = {
        f"left over: {after.records}, replicas {sorted(after.images)}, listed {sorted(after.listed)}": not after.whole,
        f"exit code {code}": code not in (0, 130) and not starting,
        "a traceback": "Traceback" in said and not starting,
        "done, but nothing has changed": code == 0 and same,
        "no word of the state": code == 130 and not told,
        f"not as before: {before.images} -> {after.images}": code != 0 and not same,
    }
    return "; ".join(text for text, found in faults.items() if found)


def run(stack: BenchStack, single: int, double: int, chance: random.Random) -> int:
    """Interrupts the operations; returns how many ended wrongly."""
    wrong = 0
    for number in range(single + double):
        before = look(stack)
        command = next_command(number, before)
        longest = 1.0 if number % 3 == 0 else LONGEST[command[0]]
        after, gap = chance.uniform(0, longest), chance.uniform(0, 2) if number >= single else None
        code, said = interrupted(stack, command, after, gap)
        reason = fault(before, look(stack), code, said)
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
        moment = f"{after:5.2f}" + ("" if gap is None else f" +{gap:4.2f}")
        print(f"{number + 1:3} {moment:12} {code:3} {command[0]:6} {command[-1]:9} {last[:100]}")
        if reason:
            wrong += 1
            print(f"    WRONG: {reason}\n{said}")
        sys.stdout.flush()
        if reason:
            stack.videa("deploy", "--abort", check=False)
            stack.videa("scale", "2", check=False)
    return wrong


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout


def interrupt(stack: BenchStack, arguments: argparse.Namespace) -> int:
    with under_load(stack.url, rate=RATE) as watched:
        wrong = run(stack, arguments.single, arguments.double, random.Random(arguments.seed))
    report = watched.report
    print(f"{report['sent']} requests, {report['failed']} failed, {wrong} operations ended wrongly")
    for entry in report["failures"][:5]:
        print(entry)
    return 1 if wrong or report["failed"] else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--single", type=int, default=30, help="operations with one Ctrl-C")
    parser.add_argument("--double", type=int, default=15, help="operations with two")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with bench_stack() as stack:
        stack.videa("scale", "2")  # from here on, the balancer has a list
        return interrupt(stack, arguments)


if __name__ == "__main__":
    sys.exit(main())
