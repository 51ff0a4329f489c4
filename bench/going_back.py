"""The time of a rollback while blue-green keeps the old set: `python -m bench.going_back [--tries N]`.

3 replicas, 1,000 requests/s, half of them POSTs. Measures from the moment that you type `videa abort` until the last
answer of the new release to a sequence of fresh connections. Writes bench/results/going_back.json; exits with 1 if a
request was lost.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import sys
import time
from typing import Any

from bench.client import under_load
from bench.results import write_results
from bench.temporary_stack import RELEASES, BenchStack, bench_stack

REPLICAS = 3
IN_A_ROW = 50
LOOK = 0.01
"""Seconds between two requests: without a pause they would use a large part of a core."""
DEADLINE = 120.0


def release(stack: BenchStack) -> str:
    """The release that answers a fresh connection now."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=10)
    try:
        connection.request("GET", "/api/v1/whoami")
        answer: dict[str, str] = json.load(connection.getresponse())
        return answer["release"]
    finally:
        connection.close()


def one_try(stack: BenchStack, rate: int) -> dict[str, Any]:
    """Switches to the other release, and back with `videa abort`."""
    old = release(stack)
    with under_load(stack.url, rate=rate) as seen:
        deploy = stack.start("deploy", "--image", RELEASES[1], "--blue-green", "--keep", "10m")
        deadline = time.monotonic() + DEADLINE
        while release(stack) == old and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(2)  # the old workers are drained, and the old set is kept
        typed = time.monotonic()
        abort = stack.start("abort")
        last_new, in_a_row = typed, 0
        while in_a_row < IN_A_ROW:
            if release(stack) == old:
                in_a_row += 1
            else:
                last_new, in_a_row = time.monotonic(), 0
            time.sleep(LOOK)
        abort.wait()
        deploy.wait()
    return {
        "seconds_to_last_new_answer": round(last_new - typed, 3),
        "failed": seen.report["failed"],
        "sent": seen.report["sent"],
        "slowest_ms": seen.report["latency_ms"].get("max"),
    }


def main(arguments: list[str] | None = None) -> int:
    """Run the tries and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.going_back", description=__doc__)
    parser.add_argument("--tries", type=int, default=5)
    parser.add_argument("--rate", type=int, default=1000, help="requests/s (default 1000)")
    options = parser.parse_args(arguments)
    with bench_stack(REPLICAS) as stack:
        stack.videa("scale", str(REPLICAS))  # from now on nginx uses the list that videa wrote
        tries = [one_try(stack, options.rate) for _ in range(options.tries)]
    for entry in tries:
        print(entry)
    median = statistics.median(entry["seconds_to_last_new_answer"] for entry in tries)
    print(f"back in {median:.2f} s (median)")
    write_results("going_back", {"rate": options.rate, "median_seconds": median, "tries": tries})
    return 1 if any(entry["failed"] for entry in tries) else 0


if __name__ == "__main__":
    sys.exit(main())
