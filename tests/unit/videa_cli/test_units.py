"""Figures with units, for people."""

from __future__ import annotations

import pytest

from videa_cli.units import duration, share, size


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (55 << 20, "55 MiB"), (3 << 40, "3072 GiB")]
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


def test_a_share_is_in_the_unit_of_its_limit() -> None:
    assert share(37 << 20, 256 << 20) == "37/256 MiB"
    assert share(37 << 20, None) == "37 MiB"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0s"), (59, "59s"), (61, "1m 1s"), (3 * 3600 + 300, "3h 5m"), (90000, "1d 1h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
