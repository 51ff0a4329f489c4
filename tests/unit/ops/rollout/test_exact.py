"""The exact tests, against tables."""

from __future__ import annotations

import pytest

from ops.rollout.exact import fisher, tail


def test_the_tests_agree_with_tables() -> None:
    # Fisher's tea-tasting lady: 3 of 4 against 1 of 4, one-sided p = 17/70.
    assert fisher(3, 4, 1, 4) == pytest.approx(17 / 70)
    assert fisher(0, 100, 5, 100) == 1.0
    # P(X >= 9 heads of 10) = 11/1024.
    assert tail(10, 9, 0.5) == pytest.approx(11 / 1024)
    assert tail(10, 0, 0.5) == 1.0


def test_large_numbers_only_need_the_significant_terms() -> None:
    assert fisher(60_000, 100_000, 600_000, 1_100_000) < 1e-100
    assert 0.4 < fisher(50_010, 100_000, 549_990, 1_100_000) < 0.5
    assert tail(1_000_000, 10_300, 0.01) < 0.01


def test_equal_or_missing_samples_prove_nothing() -> None:
    assert fisher(5, 5, 10, 10) == 1.0
    assert fisher(0, 0, 3, 10) == 1.0
    assert fisher(3, 10, 0, 0) == 1.0
    assert fisher(3, 10, 0, 1000) < 1e-4
