"""Two faults at a time: `python -m bench.doctor_pairs` injects all pairs of ten faults into a stack and runs doctor.

First each fault alone, then all 45 pairs. A pair is detected if both faults are named, and nothing else that neither
shows alone. Thresholds of a minute are shortened to a moment. Prints a line for each pair that is not detected, writes
bench/results/doctor_pairs.json. Exit code: 0 all detected, 1 not all.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from itertools import combinations
from typing import Any

from bench.faults import FAULTS, Place
from bench.results import write_results
from bench.temporary_stack import PROJECT, ROOT, BenchStack, bench_stack, clean_environment
from ops import documents
from ops.doctor import diagnose
from ops.doctor.limits import Limits
from ops.doctor.report import Report, selection
from ops.factory import open_stack, open_store
from ops.project.config import Project
from ops.project.loading import load

MOMENT = Limits(pg_idle_in_tx_warn=0.05, pg_idle_in_tx_fail=0.1, pg_blocked_warn=0.05, pg_blocked_fail=0.1)
OF_THE_MACHINE = (
    *("ctr.cpu", "ctr.throttled", "host.disk", "host.inodes", "host.mem", "lb.p99", "lb.5xx", "lb.ejecting"),
    *("app.errors", "app.capacity", "pg.slow_stmt", "pg.outlier", "pg.checkpoints", "redis.slowlog", "redis.fork"),
)
"""Ignored findings: caused by a busy machine, or by requests of the last minute during the previous fault."""


def look(project: Project, limits: Limits = MOMENT) -> Report:
    """Runs doctor once, without its stored history."""
    documents.update(open_store(), documents.Kind.DOCTOR, project.name, lambda _: b"")
    return diagnose(project, partial(open_stack, project), selection(skip=OF_THE_MACHINE), limits)


def named(report: Report) -> set[str]:
    """The ids of everything that the report names."""
    return {finding.id for finding in report.findings}


def ill(place: Place, project: Project, faults: Iterable[str]) -> tuple[Report, float]:
    """The report during the faults, and the seconds for injecting, examining and undoing."""
    began = time.monotonic()
    with ExitStack() as made:
        for fault in faults:
            made.enter_context(FAULTS[fault](place))
        report = look(project)
    return report, round(time.monotonic() - began, 1)


def row(faults: tuple[str, ...], report: Report, seconds: float, alone: dict[str, set[str]]) -> dict[str, Any]:
    """One line of the table."""
    ids = named(report)
    roots = [finding.id for finding in report.findings if not finding.cause]
    return {
        "faults": faults,
        "missing": sorted(set(faults) - ids),
        "unexpected": sorted(ids - set().union(*(alone.get(fault, {fault}) for fault in faults))),
        "roots": roots,
        "effects": {finding.id: finding.cause for finding in report.findings if finding.cause},
        "seconds": seconds,
        "looking": round(report.seconds, 2),
    }


def measure(stack: BenchStack) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of the single faults, and of their pairs."""
    stack.videa("up")  # Compose has started it; from now on nginx lists replicas by name
    place = Place(PROJECT, stack.directory)
    files = tuple(str(stack.directory / name) for name in _compose_files(stack))
    project = load(files, PROJECT, clean_environment())
    well = named(look(project))
    if well:
        print(f"before any fault: {', '.join(sorted(well))}")
    alone: dict[str, set[str]] = {}
    singles, pairs = [], []
    for fault in FAULTS:
        report, seconds = ill(place, project, [fault])
        alone[fault] = named(report)
        singles.append(row((fault,), report, seconds, alone))
        _tell(singles[-1])
    for pair in combinations(FAULTS, 2):
        report, seconds = ill(place, project, pair)
        pairs.append(row(pair, report, seconds, alone))
        _tell(pairs[-1])
    return singles, pairs


def _compose_files(stack: BenchStack) -> list[str]:
    lines = (stack.directory / ".env").read_text().splitlines()
    (value,) = [line.partition("=")[2] for line in lines if line.startswith("COMPOSE_FILE=")]
    return value.split(":")


def _tell(row: dict[str, Any]) -> None:
    if row["missing"] or row["unexpected"]:
        print(f"{' + '.join(row['faults'])}: missing {row['missing']}, unexpected {row['unexpected']}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write."""
    argparse.ArgumentParser(prog="python -m bench.doctor_pairs", description=__doc__).parse_args(arguments)
    began = time.monotonic()
    with bench_stack(replicas=2) as stack:
        singles, pairs = measure(stack)
    both = sum(not row["missing"] for row in pairs)
    clean = sum(not row["unexpected"] for row in pairs)
    took = time.monotonic() - began
    print(f"{both} of {len(pairs)} pairs: both named; {clean} with nothing that neither shows alone; {took:.0f} s")
    figures = {"both_named": both, "nothing_else": clean, "of": len(pairs), "alone": singles, "pairs": pairs}
    print(f"written to {write_results('doctor_pairs', figures).relative_to(ROOT)}")
    return 0 if both == clean == len(pairs) else 1


if __name__ == "__main__":
    sys.exit(main())
