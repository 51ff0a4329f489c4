"""Compares deploys with plain Compose, docker-rollout's procedure and videa on the same stack.

`python -m bench.side_by_side [WAY ...] [--tries N] [--peer-tries N]`. 3 replicas behind videa's nginx; 32 keep-alive
connections send 1,000 requests/s, half of them POSTs. Each try replaces all replicas with another release. Prints the
result of each try, and a table; writes bench/results/side_by_side.json; exits with 1 if videa lost a request.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator
from typing import Any

from bench.client import counted, under_load
from bench.memory import peak_memory
from bench.peers import rollout_procedure
from bench.results import read_results, write_results
from bench.temporary_stack import RELEASES, ROOT, BenchError, BenchStack, Ran, bench_stack
from ops.engine.client import Engine

SETTINGS = ROOT / "bench" / "short_canary"
REPLICAS = 3

Way = Callable[[BenchStack, str], Ran]


def compose_up(stack: BenchStack, image: str) -> Ran:
    """docker compose up -d"""
    return stack.compose("up", "--detach", "--no-build", "--wait", check=False, BACKEND_IMAGE=image)


def rollout(stack: BenchStack, image: str) -> Ran:
    """docker-rollout's documented procedure"""
    return rollout_procedure.replace(stack, image)[0]


def videa(*options: str) -> Way:
    """videa deploy with options"""

    def deploy(stack: BenchStack, image: str) -> Ran:
        return stack.videa("deploy", "--image", image, *options)

    return deploy


PEERS: dict[str, Way] = {"compose-up": compose_up, "rollout-procedure": rollout}
OURS: dict[str, Way] = {
    "rolling": videa("--rolling"),
    "rolling-surge-3": videa("--rolling", "--surge", "3"),
    "blue-green": videa("--blue-green", "--keep", "0"),
    "canary": videa("--canary"),
}
"""rolling-surge-3 and blue-green start as many replicas at once as docker-rollout's procedure."""


def one_try(stack: BenchStack, engine: Engine, way: Way, image: str, rate: int) -> dict[str, Any]:
    """Replaces every replica once, under load."""
    with peak_memory(engine) as peak, under_load(stack.url, rate=rate) as seen:
        ran = way(stack, image)
    report = seen.report
    return {
        "exit_code": ran.exit_code,
        "seconds": round(ran.seconds, 2),
        **counted(report),
        "service_slowest_ms": report["service_ms"].get("max"),
        "peak_mb": round(peak.bytes / 1e6, 1),
        "most_replicas": peak.replicas,
        "failures": report["failures"][:3],
    }


def tries_of(name: str, stack: BenchStack, engine: Engine, count: int, rate: int) -> Iterator[dict[str, Any]]:
    """``count`` tries of one method on the stack in its initial state; for a peer it is reset before each try."""
    stack.reset(REPLICAS)
    present, other = RELEASES
    for number in range(count):
        if name in PEERS and number:
            stack.reset(REPLICAS)
            present, other = RELEASES
        result = one_try(stack, engine, {**PEERS, **OURS}[name], other, rate)
        present, other = other, present
        print(line(f"{name} {number + 1}", [result]), flush=True)
        yield result


def line(name: str, tries: list[dict[str, Any]]) -> str:
    """One line of the table: sums, maxima and medians of the tries."""
    return (
        f"{name:24} {len(tries):5} {sum(entry['sent'] for entry in tries):8} "
        f"{sum(entry['failed'] for entry in tries):7} "
        f"{max(entry['failed'] for entry in tries):6} {max(entry['slowest_ms'] or 0 for entry in tries):9.0f} "
        f"{statistics.median(entry['slowest_ms'] or 0 for entry in tries):7.0f} "
        f"{statistics.median(entry['seconds'] for entry in tries):7.1f} {max(entry['peak_mb'] for entry in tries):8.0f}"
    )


HEAD = (
    f"{'':24} {'tries':>5} {'requests':>8} {'failed':>7} {'worst':>6} {'slowest':>9} {'median':>7} {'seconds':>7} "
    f"{'peak MB':>8}"
)


def main(arguments: list[str] | None = None) -> int:
    """Run the tries and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.side_by_side", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("way", nargs="*", choices=[*PEERS, *OURS, []], help="all of them when none is named")
    parser.add_argument("--tries", type=int, default=20, help="of videa (default 20)")
    parser.add_argument("--peer-tries", type=int, default=3, help="of the others (default 3)")
    parser.add_argument("--rate", type=int, default=1000, help="requests/s (default 1000)")
    parser.add_argument("--append", action="store_true", help="keep the tries that the results file has")
    options = parser.parse_args(arguments)
    ways: dict[str, list[dict[str, Any]]] = read_results("side_by_side").get("ways", {}) if options.append else {}
    print(HEAD)
    try:
        with bench_stack(REPLICAS, overlays=[SETTINGS]) as stack:
            engine = Engine()
            for name in options.way or [*PEERS, *OURS]:
                count = options.peer_tries if name in PEERS else options.tries
                for result in tries_of(name, stack, engine, count, options.rate):
                    ways.setdefault(name, []).append(result)
                    write_results("side_by_side", {"rate": options.rate, "ways": ways})
    except BenchError as error:
        print(f"broken off: {error}", file=sys.stderr)
        return 1
    print("\n".join([HEAD, *(line(name, tries) for name, tries in ways.items())]))
    return 1 if any(entry["failed"] for name in OURS for entry in ways.get(name, [])) else 0


if __name__ == "__main__":
    sys.exit(main())
