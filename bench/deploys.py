"""Deploys of good and bad releases under load: `python -m bench.deploys [--strategy NAME] [--release NAME]`.

3 replicas; 32 keep-alive connections send 1,000 requests/s, half of them POSTs; 50 event streams are open throughout.
A bad release that rolling or blue-green have let in is taken back with `videa rollback`, still under load. Prints a
table, writes bench/results/deploys.json, and exits with 1 when the tool lost a request, a stream ended by anything but
the end of a drain or of its own replica, or a canary was caught after its second step.
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
from bench.stack import ROOT, BenchError, BenchStack, bench_stack
from bench.streams import PATH, open_streams
from bench.witness import Witness, manner_of, own_fault
from ops.engine.client import Engine

SETTINGS = ROOT / "bench" / "canary_settings"
DRAIN = 3.0
SECOND_STEP = 25.0
"""As in SETTINGS."""

STRATEGIES = {"rolling": ("--rolling",), "blue-green": ("--blue-green", "--keep", "1s"), "canary": ("--canary",)}
REPLICAS = 3


def one_try(stack: BenchStack, engine: Engine, strategy: str, release: str, back: str, rate: int) -> dict[str, Any]:
    """Deploys a release and, if it is bad and got in, takes it back. `back`: the image that runs before."""
    image, taken_back = releases.reference(release), None
    with (
        Witness(engine, stack.replicas()) as witness,
        open_streams(stack.url) as streams,
        under_load(stack.url, rate=rate) as seen,
    ):
        ran = stack.videa("deploy", "--image", image, *STRATEGIES[strategy], check=False)
        if ran.exit_code == 0 and release in BAD:
            taken_back = stack.videa("rollback", check=False)
    report, happened = seen.report, witness.happened
    ours = [line for line in witness.failed if not line.request_id.startswith("videa-") and line.path != PATH]
    died = [line for line in ours if line.status != MARK and own_fault(line, happened)]
    marked = report["failed_by_kind"].get(f"status_{MARK}", 0)
    ends = [manner_of(when, DRAIN, happened) for when, _ in streams["ends"]]
    shares = [float(share) for share in re.findall(r"give the canary ([\d.]+)%", ran.output)]
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
        "failures": [each for each in report["failures"] if each["kind"] != f"status_{MARK}"][:5],
        "streams": {
            "opened": streams["opened"],
            "ended": {manner: ends.count(manner) for manner in sorted(set(ends))},
            "not_opened": streams["refused"],
            "longest_gap_s": streams["longest_gap_s"],
        },
    }


def reason(output: str) -> str:
    """Why it failed, in videa's words; the proof where it did not."""
    found = [line.strip() for line in output.splitlines() if re.match(r"\s*(error:|✗)", line)]
    last = [line.strip() for line in output.splitlines() if line.strip()]
    return (found or last or [""])[-1]


def as_expected(
    stack: BenchStack, strategy: str, release: str, exit_code: int, shares: list[float], image: str, back: str
) -> str:
    """What is not as it should be at the end; empty when all is."""
    found = [
        line.split()
        for line in stack.compose("ps", "--format", "{{.Image}} {{.Health}}", "backend").output.splitlines()
    ]
    wanted = back if release in BAD else image
    if sorted(found) != [[wanted, "healthy"]] * REPLICAS and [each[0] for each in found] != [wanted] * REPLICAS:
        return f"there are now {found} instead of {REPLICAS} x {wanted}"
    if release in GOOD and exit_code:
        return "a good release was not deployed"
    if release in BAD and strategy == "canary" and (not exit_code or max(shares, default=0.0) > SECOND_STEP):
        return "the canary was not caught in time"
    return ""


def row(each: dict[str, Any]) -> str:
    """One line of the table."""
    streams = each["streams"]
    ended = ", ".join(f"{count} {manner}" for manner, count in streams["ended"].items()) or "none"
    most = "" if each["most_percent"] is None else f"{each['most_percent']:g}%"
    verdict = each["as_expected"] or ("" if not each["by_tool"] else "LOST")
    return (
        f"{each['strategy']:11} {each['release']:12} {each['exit_code']:4} {each['seconds']:6.1f} {each['sent']:7} "
        f"{each['by_release']:8} {each['by_tool']:5} {most:>5}  {ended:24} {verdict}"
    )


def summary(tries: list[dict[str, Any]]) -> str:
    """All tries as a table for people: a line for each strategy and release."""
    lines = [
        "| strategy | release | tries | requests | lost | its own | most traffic | streams cut | seconds |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    kinds = {each["release"]: "good" if each["release"] in GOOD else each["release"] for each in tries}
    for strategy, release in dict.fromkeys((each["strategy"], kinds[each["release"]]) for each in tries):
        same = [each for each in tries if each["strategy"] == strategy and kinds[each["release"]] == release]
        most = max((each["most_percent"] for each in same if each["most_percent"] is not None), default=None)
        seconds = sorted(each["seconds"] for each in same)
        lines.append(
            f"| {strategy} | {release} | {len(same)} | {sum(each['sent'] for each in same):,} "
            f"| {sum(each['by_tool'] for each in same)} | {sum(each['by_release'] for each in same):,} "
            f"| {'' if most is None else f'{most:g}%'} "
            f"| {sum(each['streams']['ended'].get('other', 0) for each in same)} | {seconds[len(seconds) // 2]:.0f} |"
        )
    return "\n".join(lines)


def is_bad(each: dict[str, Any]) -> bool:
    """Whether something happened that must not."""
    return bool(each["by_tool"] or each["as_expected"] or each["streams"]["ended"].get("other"))


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
                        each = one_try(stack, engine, strategy, chosen, releases.reference(present), options.rate)
                        if release == "good":
                            present, other = other, present
                        fresh.append(each)
                        print(row(each), flush=True)
                        write_results("deploys", {"rate": options.rate, "tries": [*tries, *fresh]})
    except BenchError as error:
        print(f"broken off: {error}", file=sys.stderr)
        return 1
    print(summary([*tries, *fresh]))
    return 1 if any(map(is_bad, fresh)) else 0


if __name__ == "__main__":
    sys.exit(main())
