"""Plots of results: `bench/.venv/bin/python bench/plot.py bench/results/backend.json`, or of scaling.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

FULL = 0.95
COLOURS: dict[str, dict[str, Any]] = {
    "#1f6f5c": {"xytext": (-6, 3), "ha": "right", "va": "bottom"},
    "#2f6fb0": {"xytext": (5, -5), "ha": "left", "va": "top"},
    "#b3541e": {"xytext": (7, 3), "ha": "left", "va": "bottom"},
}
"""Colour of a series -> where its labels are: those of two series with the same figures do not cover each other."""
_TITLES = {
    "cached": "token, limit, cached read",
    "uncached": "token, limit, read from PostgreSQL",
    "live": "/health/live",
}


def draw(source: Path) -> Path:
    """Draw the results, and return the path of the SVG."""
    results = json.loads(source.read_text())
    figure = _scaling(results) if "series" in results else _backend(results)
    path = source.with_suffix(".svg")
    # No date and no random ids, so that the same figures give the same file.
    plt.rcParams["svg.hashsalt"] = "videa"
    figure.savefig(path, metadata={"Date": None})
    return path


def _scaling(results: dict[str, Any]) -> Figure:
    """The throughput compared with that of one replica, by the number of replicas."""
    figure, axis = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    most = 1
    for (name, rows), (colour, place_of_label) in zip(results["series"].items(), COLOURS.items(), strict=False):
        counts = [row["replicas"] for row in rows]
        most = max(most, *counts)
        label = f"{name} ({rows[0]['rate']:,.0f}/s with one)"
        axis.plot(counts, [row["rate"] / rows[0]["rate"] for row in rows], "o-", color=colour, label=label)
        for row in rows[1:]:
            place = (row["replicas"], row["rate"] / rows[0]["rate"])
            text = f"{row['rate']:,.0f}/s" + ("\nmachine full" if row["busy"] >= FULL else "")
            axis.annotate(text, place, textcoords="offset points", fontsize=7, color=colour, **place_of_label)
    axis.plot([0, most], [0, most], "--", color="#7a8ba3", label="linear", zorder=0)
    axis.set_xlabel("replicas", fontsize=9)
    axis.set_ylabel("times the requests/s of one", fontsize=9)
    axis.set_xlim(0, most + 1)
    axis.set_ylim(0)
    axis.legend(frameon=False, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def _backend(results: dict[str, Any]) -> Figure:
    """The requests per CPU second of each server and measurement."""
    median = results["median"]
    measures = [key for key in _TITLES if any(key in figures for figures in median.values())]
    figure, axes = plt.subplots(1, len(measures), figsize=(4 * len(measures), 3.2), layout="constrained")
    for axis, measure in zip(axes, measures, strict=True):
        names = [name for name in median if measure in median[name]]
        bars = axis.barh(names, [median[name][measure]["per_cpu_second"] for name in names], color="#7a8ba3")
        bars[0].set_color("#1f6f5c")
        axis.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8)
        axis.set_title(_TITLES[measure], fontsize=10)
        axis.set_xlabel("requests per second of CPU", fontsize=8)
        axis.margins(x=0.25)
        axis.invert_yaxis()
        axis.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    print(f"written to {draw(Path(sys.argv[1]))}")
