"""`videa top` in terminals of different widths."""

from __future__ import annotations

import io

import pytest
from msgspec.structs import replace as changed
from rich.console import Console

from ops.views.top import Top, TopRow, Traffic
from videa_cli.commands.top import view

MIB = 1 << 20
ROW = TopRow(
    *("shop-backend-1", "3f2a91c0de", "healthy", True, Traffic(1234.5, 0.012, 0.013)),
    cpu=0.93,
    cpu_limit=1.0,
    memory=130 * MIB,
    memory_limit=256 * MIB,
    pool_used=5,
    pool_limit=5,
    limiter="shared",
)
UNHEALTHY = changed(ROW, name="shop-backend-12", health="unhealthy", in_balancer=False, limiter="local")


def shown(*rows: TopRow, width: int) -> str:
    top = Top(0.0, "backend", "running", Traffic(2469.0, 0.012, 0.013), list(rows), (10, 97), (MIB, 128 * MIB, 9))
    out = Console(file=io.StringIO(), width=width)
    out.print(view(top, width))
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    "other", [UNHEALTHY, changed(UNHEALTHY, release="b00b1e5000")], ids=["one release", "two releases"]
)
def test_nothing_is_cut_off(width: int, other: TopRow) -> None:
    text = shown(ROW, other, width=width)
    assert "…" not in text
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    for figure in (
        "backend-12",
        "unhealthy",
        "out",
        "1234.5",
        "12 ms",
        "1.3%",
        "93%",
        "51%",
        "5/5",
        "not shared by: shop-backend-12",
    ):
        assert figure in text


def test_releases_are_shown_in_wide_terminals_or_if_they_differ() -> None:
    assert "3f2a91c0de" in shown(ROW, width=120)
    assert "3f2a91c0de" not in shown(ROW, width=80)
    assert "3f2a91c0de" in shown(ROW, changed(UNHEALTHY, release="b00b1e5000"), width=80)


def test_shares_are_bars() -> None:
    assert "█" * 9 + "░" in shown(ROW, width=120)
    assert "█████  93%" in shown(ROW, width=80)
