"""The plot for bench/results/backend.json: `bench/.venv/bin/python bench/plot.py bench/results/backend.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt

_TITLES = {
    "cached": "token, limit, cached read",
    "uncached": "token, limit, read from PostgreSQL",
    "live": "/health/live",
}


def draw(source: Path) -> Path:
    """Draw the requests per CPU second of each server and measurement, and return the path of the SVG."""
    median = json.loads(source.read_text())["median"]
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
    path = source.with_suffix(".svg")
    # No date and no random ids, so that the same figures give the same file.
    plt.rcParams["svg.hashsalt"] = "videa"
    figure.savefig(path, metadata={"Date": None})
    return path


if __name__ == "__main__":
    print(f"written to {draw(Path(sys.argv[1]))}")
