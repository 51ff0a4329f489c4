"""The figures of `videa top`."""

from __future__ import annotations

import pytest

from ops.balancer.access_log import Line
from ops.views.top import traffic_of


def test_rates_percentiles_and_errors_in_the_time_that_the_lines_cover() -> None:
    lines = [Line(95.0 + n / 20, 500 if n < 5 else 200, 0.01 * n) for n in range(100)]
    traffic = traffic_of(lines, now=100.0)
    assert traffic.rate == pytest.approx(20.0)
    assert traffic.p95 == pytest.approx(0.95)
    assert traffic.errors == pytest.approx(0.05)


def test_no_requests_have_no_percentile() -> None:
    assert traffic_of([], now=100.0).p95 is None
