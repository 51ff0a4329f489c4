from __future__ import annotations

from typing import Any

from server.fleet_view import fleet_view


def instance(**changes: Any) -> dict[str, Any]:
    return {
        "id": "one",
        "release": "v1",
        "status": "serving",
        "seen": 1000.0,
        "started": 400.0,
        "requests": {"per_second": 12.34, "p95_ms": 3.21, "server_error_rate": 0.0, "server_errors": 2},
        "memory": {"rss": 60 * 1_048_576},
        "pool": {"limit": 5, "size": 3, "idle": 2, "waiting": 0},
        "limiter": {"mode": "shared", "refused_last_minute": 0},
    } | changes


def test_a_healthy_instance_is_calm() -> None:
    (row,) = fleet_view([instance()], 1001.0, [])["rows"]
    assert row["Health"] == ["serving", "good"]
    assert (row["Up"][0], row["Requests/s"][0], row["p95"][0]) == ("10 min", "12.3", "3.2 ms")
    assert (row["Memory"][0], row["Pool"][0]) == ("60 MiB", "1 of 5")
    assert not {kind for _, kind in row.values()} & {"warn", "bad"}


def test_trouble_stands_out() -> None:
    troubled = instance(
        requests={"per_second": 1.0, "p95_ms": 900.0, "server_error_rate": 0.2, "server_errors": 9},
        pool={"limit": 5, "size": 5, "idle": 0, "waiting": 7},
        limiter={"mode": "local", "refused_last_minute": 3},
    )
    (row,) = fleet_view([troubled], 1020.0, [])["rows"]
    assert row["Health"] == ["silent", "bad"]
    assert (row["p95"][1], row["Errors"][1], row["Pool"], row["Limits"][1]) == (
        "warn",
        "bad",
        ["5 of 5, 7 waiting", "bad"],
        "bad",
    )


def test_totals_add_up() -> None:
    total = fleet_view([instance(), instance(id="two")], 1000.0, [])["total"]
    assert (total["instances"], total["errors"], total["connections"]) == ("2", "4", "6 of 10")


def test_nobody_is_no_error() -> None:
    assert fleet_view([], 0.0, [])["rows"] == []
