"""Requests lost by an operation: `python -m bench.zero_loss [SCENARIO ...]`.

A keep-alive client with 32 connections sends GETs and POSTs, half and half, through nginx during the operations. Prints
a table, writes bench/results/zero_loss.json (for selected scenarios zero_loss-NAME.json), and exits with 1 if videa
lost a request. Times are not checked.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.client import Watched, under_load
from bench.peers import rollout_procedure
from bench.results import write_results
from bench.temporary_stack import RELEASES, ROOT, BenchError, BenchStack, Ran, bench_stack

STATIC_NGINX = ROOT / "bench" / "peers" / "static-nginx"
CONNECTIONS = 32
_FAILURES_KEPT = 20
"""Number of failures in the results file; all are counted."""
Scenario = Callable[[int], dict[str, Any]]


def scale(rate: int) -> dict[str, Any]:
    """videa scale 2 -> 5 -> 2, three times."""
    with bench_stack(replicas=2) as stack, under_load(stack.url, rate=rate) as seen:
        for _ in range(3):
            seen.operations += [stack.videa("scale", "5"), stack.videa("scale", "2")]
    return judged(seen, allowed_posts=0)


def deploy(rate: int) -> dict[str, Any]:
    """videa deploy of 3 replicas, twice."""
    with bench_stack(replicas=3) as stack, under_load(stack.url, rate=rate) as seen:
        for image in (RELEASES[1], RELEASES[0]):
            seen.operations.append(stack.videa("deploy", "--image", image))
    return judged(seen, allowed_posts=0)


def kill(rate: int) -> dict[str, Any]:
    """kill -9 of the main process of one of 3 replicas; only POSTs in flight to it may fail."""
    with bench_stack(replicas=3) as stack:
        stack.videa("scale", "3")  # from now on nginx uses the list that videa wrote
        with under_load(stack.url, rate=rate) as seen:
            seen.operations.append(kill_main_process(stack.replicas()[0]))
            time.sleep(5)
    return judged(seen, allowed_posts=CONNECTIONS)


def compose_up(rate: int) -> dict[str, Any]:
    """Plain `docker compose up -d` with a new image, 3 replicas, behind videa's nginx."""
    with bench_stack(replicas=3) as stack:
        return _compose_up(stack, rate)


def compose_up_static(rate: int) -> dict[str, Any]:
    """Plain `docker compose up -d` with a new image, 3 replicas, behind nginx as common guides configure it."""
    with bench_stack(replicas=3, overlays=[STATIC_NGINX]) as stack:
        return _compose_up(stack, rate)


def rollout(rate: int) -> dict[str, Any]:
    """The procedure that docker-rollout documents, 3 replicas, behind nginx with `resolve`."""
    with bench_stack(replicas=3) as stack, under_load(stack.url, rate=rate) as seen:
        seen.operations += rollout_procedure.replace(stack, RELEASES[1])
    return judged(seen)


def _compose_up(stack: BenchStack, rate: int) -> dict[str, Any]:
    with under_load(stack.url, rate=rate, tail=5) as seen:
        up = ("up", "--detach", "--no-build", "--wait")
        seen.operations.append(stack.compose(*up, check=False, BACKEND_IMAGE=RELEASES[1]))
    return judged(seen)


SCENARIOS: dict[str, Scenario] = {
    "scale": scale,
    "deploy": deploy,
    "kill": kill,
    "compose-up": compose_up,
    "compose-up-static-nginx": compose_up_static,
    "rollout-procedure": rollout,
}


def kill_main_process(container: str) -> Ran:
    """Sends SIGKILL to the process itself if possible, so that the restart policy applies as after a crash.

    `docker kill` counts as a stop by the operator, so Docker does not restart the container; it is used only if the
    engine runs on another machine.
    """
    ask = ["docker", "inspect", "--format", "{{.State.Pid}}", container]
    number = int(subprocess.run(ask, check=True, capture_output=True, text=True).stdout)
    began = time.time()
    try:
        os.kill(number, 9)
        command = "kill -9 of a replica's main process"
    except (ProcessLookupError, PermissionError):
        subprocess.run(["docker", "kill", "--signal", "KILL", container], check=True, capture_output=True)
        command = "docker kill --signal KILL of a replica"
    return Ran(command, began, time.time() - began, 0, "")


def judged(seen: Watched, allowed_posts: int | None = None) -> dict[str, Any]:
    """The figures of a scenario with its verdict; `allowed_posts` None: a peer, which is not judged."""
    report = seen.report
    failed_posts = report["methods"].get("POST", {}).get("failed", 0)
    kept = None
    if allowed_posts is not None:
        kept = report["failed"] - failed_posts == 0 and failed_posts <= allowed_posts
    return {
        "kept": kept,
        "rate_held": report["not_sent"] == 0,
        "operations": [_operation(ran, report["started"]) for ran in seen.operations],
        "client": report | {"failures": report["failures"][:_FAILURES_KEPT]},
    }


def _operation(ran: Ran, started: float) -> dict[str, Any]:
    return {
        "command": ran.command,
        "at_second": round(ran.began - started, 2),
        "seconds": round(ran.seconds, 2),
        "exit_code": ran.exit_code,
        "said": ran.last_line,
    }


def row(name: str, result: dict[str, Any]) -> str:
    """One line of the table."""
    client, methods = result["client"], result["client"]["methods"]
    lost = "/".join(str(methods.get(method, {}).get("failed", 0)) for method in ("GET", "POST"))
    seconds = [operation["seconds"] for operation in result["operations"]]
    verdict = {True: "kept", False: "LOST", None: ""}[result["kept"]]
    if not result["rate_held"]:
        verdict += f" (only {client['rate']:.0f} requests/s: too slow a machine, or too busy)"
    return (
        f"{name:24} {client['sent']:8} {client['failed']:7} {lost:>11} {client['latency_ms'].get('p99', 0):8.1f} "
        f"{client['latency_ms'].get('max', 0):9.1f} {sum(seconds) / len(seconds):10.1f}  {verdict}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the scenarios and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.zero_loss",
        description=__doc__,
        epilog="\n".join(f"{name:24} {run.__doc__}" for name, run in SCENARIOS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenario", nargs="*", choices=[*SCENARIOS, []], help="all of them when none is named")
    parser.add_argument("--rate", type=int, default=1000, help="requests/s (default 1000)")
    parser.add_argument("--tries", type=int, default=1, help="how often each scenario is run (default 1)")
    options = parser.parse_args(arguments)
    results: dict[str, list[dict[str, Any]]] = {}
    print(f"{'':24} {'requests':>8} {'failed':>7} {'GET/POST':>11} {'p99 ms':>8} {'slowest':>9} {'seconds/op':>10}")
    broken = False
    for name in options.scenario or SCENARIOS:
        for _ in range(options.tries):
            with reported(name):
                result = SCENARIOS[name](options.rate)
                print(row(name, result), flush=True)
                results.setdefault(name, []).append(result)
                broken = broken or result["kept"] is False
    path = write_results("-".join(["zero_loss", *options.scenario]), {"rate": options.rate, "scenarios": results})
    print(f"written to {path.relative_to(ROOT)}")
    complete = sum(len(tries) for tries in results.values()) == options.tries * len(options.scenario or SCENARIOS)
    return 0 if complete and not broken else 1


@contextlib.contextmanager
def reported(name: str) -> Any:
    """Print why a scenario could not be measured, and continue with the next one."""
    try:
        yield
    except BenchError as error:
        print(f"{name:24} not measured: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
