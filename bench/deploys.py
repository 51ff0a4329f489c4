"""Deploys of good and bad releases under load: `python -m bench.deploys [--strategy NAME] [--release NAME]`.

3 replicas; 32 keep-alive connections send 1,000 requests/s, half of them POSTs; 50 event streams are open throughout.
A bad release that rolling or blue-green has deployed is removed with `videa rollback`, still under load. Prints a
table, writes bench/results/deploys.json, and exits with 1 if the tool lost a request, if a stream ended other than by a
drain or by its own replica, or if a bad canary was detected after its second step.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from typing import Any

from bench import releases
from bench.client import under_load
from bench.releases import BAD, GOOD, MARK
from bench.results import read_results, write_results
from bench.streams import PATH, open_streams
from bench.temporary_stack import ROOT, BenchError, BenchStack, bench_stack
from bench.witness import Witness, manner_of, own_fault
from ops.engine.client import Engine
from videa_cli.exit_codes import ExitCode

SETTINGS = ROOT / "bench" / "canary_settings"
DRAIN = 3.0
SECOND_STEP = 25.0
"""As in SETTINGS."""

STRATEGIES = {"rolling": ("--rolling",), "blue-green": ("--blue-green", "--keep", "1s"), "canary": ("--canary",)}
REPLICAS = 3

DEPLOYED = (ExitCode.OK, ExitCode.NOT_ROLLED_BACK)
"""Exit codes of a deploy after which the release may serve: not rolled back, if its replicas fail in the last look."""


def one_try(stack: BenchStack, engine: Engine, strategy: str, release: str, back: str, rate: int) -> dict[str, Any]:
    """Deploys a release and rolls it back if it is bad and was deployed. `back`: the image of the previous release."""
    image, taken_back = releases.reference(release), None
    with (
        Witness(engine, stack.replicas()) as witness,
        open_streams(stack.url) as streams,
        under_load(stack.url, rate=rate) as seen,
    ):
        ran = stack.videa("deploy", "--image", image, *STRATEGIES[strategy], check=False)
        if ran.exit_code in DEPLOYED and release in BAD:
            taken_back = stack.videa("rollback", check=False)
    report, happened = seen.report, witness.happened
    ours = [line for line in witness.failed if not line.request_id.startswith("videa-") and line.path != PATH]
    died = [line for line in ours if line.status != MARK and own_fault(line, happened)]
    marked = report["failed_by_kind"].get(f"status_{MARK}", 0)
    ends = [manner_of(when, DRAIN, happened) for when, _ in streams["ends"]]
    shares = [float(share) for share in re.findall(r"send ([\d.]+)% to the canary", ran.output)]
    if strategy == "canary" and "judge the canary at 100%" in ran.output:
        shares.append(100.0)
    return {
        "strategy": strategy,
        "release": release,
        "exit_code": ran.exit_code,
        "seconds": round(ran.seconds, 1),
        "back_seconds": round(taken_back.seconds, 1) if taken_back else None,
        "said": reason(ran.output),
        "most_percent": max(shares, default=0.0) if strategy == "canary" else None,
        "as_expected": as_expected(stack, strategy, release, ran.exit_code, shares, image, back),
        "sent": report["sent"],
        "rate": report["rate"],
        "p99_ms": report["latency_ms"].get("p99"),
        "failed": report["failed"],
        "by_release": marked + len(died),
        "by_tool": max(0, report["failed"] - marked - len(died)),
        "failures": [entry for entry in report["failures"] if entry["kind"] != f"status_{MARK}"][:5],
        "streams": {
            "opened": streams["opened"],
            "ended": {manner: ends.count(manner) for manner in sorted(set(ends))},
            "not_opened": streams["refused"],
            "longest_gap_s": streams["longest_gap_s"],
        },
    }


def reason(output: str) -> str:
    """videa's error; the proof if the deploy succeeded."""
    errors = [line.strip() for line in output.splitlines() if re.match(r"\s*(error:|✗)", line)]
    last = [line.strip() for line in output.splitlines() if line.strip()]
    return (errors or last or [""])[-1]


def as_expected(
    stack: BenchStack, strategy: str, release: str, exit_code: int, shares: list[float], image: str, back: str
) -> str:
    """What is wrong at the end; "" if nothing is."""
    found = [
        line.split()
        for line in stack.compose("ps", "--format", "{{.Image}} {{.Health}}", "backend").output.splitlines()
    ]
    wanted = back if release in BAD else image
    if sorted(found) != [[wanted, "healthy"]] * REPLICAS and [entry[0] for entry in found] != [wanted] * REPLICAS:
        return f"there are now {found} instead of {REPLICAS} x {wanted}"
    if release in GOOD and exit_code:
        return "a good release was not deployed"
    if release in BAD and strategy == "canary" and (not exit_code or max(shares, default=0.0) > SECOND_STEP):
        return "the canary was not caught in time"
    return ""


def row(entry: dict[str, Any]) -> str:
    """One line of the table."""
    streams = entry["streams"]
    ended = ", ".join(f"{count} {manner}" for manner, count in streams["ended"].items()) or "none"
    most = "" if entry["most_percent"] is None else f"{entry['most_percent']:g}%"
    verdict = entry["as_expected"] or ("" if not entry["by_tool"] else "LOST")
    return (
        f"{entry['strategy']:11} {entry['release']:12} {entry['exit_code']:4} {entry['seconds']:6.1f} "
        f"{entry['sent']:7} {entry['by_release']:8} {entry['by_tool']:5} {most:>5}  {ended:24} {verdict}"
    )


def summary(tries: list[dict[str, Any]]) -> str:
    """All tries as a table for people, with one line per strategy and release."""
    lines = [
        "| strategy | release | tries | requests | lost | own failures | most traffic | streams cut | seconds |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    kinds = {entry["release"]: "good" if entry["release"] in GOOD else entry["release"] for entry in tries}
    for strategy, release in dict.fromkeys((entry["strategy"], kinds[entry["release"]]) for entry in tries):
        same = [entry for entry in tries if entry["strategy"] == strategy and kinds[entry["release"]] == release]
        most = max((entry["most_percent"] for entry in same if entry["most_percent"] is not None), default=None)
        seconds = sorted(entry["seconds"] for entry in same)
        lines.append(
            f"| {strategy} | {release} | {len(same)} | {sum(entry['sent'] for entry in same):,} "
            f"| {sum(entry['by_tool'] for entry in same)} | {sum(entry['by_release'] for entry in same):,} "
            f"| {'' if most is None else f'{most:g}%'} "
            f"| {sum(entry['streams']['ended'].get('other', 0) for entry in same)} | {seconds[len(seconds) // 2]:.0f} |"
        )
    return "\n".join(lines)


def is_bad(entry: dict[str, Any]) -> bool:
    """Whether the try had an unexpected result."""
    return bool(entry["by_tool"] or entry["as_expected"] or entry["streams"]["ended"].get("other"))


def main(arguments: list[str] | None = None) -> int:
    """Run the tries and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.deploys", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add: Callable[..., Any] = parser.add_argument
    add("--strategy", action="append", choices=[*STRATEGIES], help="repeat it for several (default: all)")
    add("--release", action="append", choices=["good", *BAD], help="repeat it for several (default: all)")
    add("--tries", type=int, default=5)
    add("--rate", type=int, default=1000, help="requests/s (default 1000)")
    add("--append", action="store_true", help="keep the tries that the results file has")
    options = parser.parse_args(arguments)
    tries: list[dict[str, Any]] = read_results("deploys").get("tries", []) if options.append else []
    fresh: list[dict[str, Any]] = []
    print(f"{'':11} {'':12} {'exit':>4} {'s':>6} {'sent':>7} {'its own':>8} {'LOST':>5} {'most':>5}  streams ended by")
    try:
        with bench_stack(REPLICAS, overlays=[SETTINGS]) as stack:
            for name in (*GOOD, *BAD):
                releases.make(name)
            present, other = GOOD
            stack.videa("deploy", "--image", releases.reference(present))
            engine = Engine()
            for _ in range(options.tries):
                for release in options.release or ("good", *BAD):
                    for strategy in options.strategy or STRATEGIES:
                        chosen = other if release == "good" else release
                        entry = one_try(stack, engine, strategy, chosen, releases.reference(present), options.rate)
                        if release == "good":
                            present, other = other, present
                        fresh.append(entry)
                        print(row(entry), flush=True)
                        write_results("deploys", {"rate": options.rate, "tries": [*tries, *fresh]})
    except BenchError as error:
        print(f"broken off: {error}", file=sys.stderr)
        return 1
    print(summary([*tries, *fresh]))
    return 1 if any(map(is_bad, fresh)) else 0


if __name__ == "__main__":
    sys.exit(main())
