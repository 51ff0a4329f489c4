"""The order in which services start around the scaled one."""

from __future__ import annotations

from typing import Any

from ops.project.startup import Order, startup_order


def test_dependencies_start_before_and_dependants_after() -> None:
    services: dict[str, dict[str, Any]] = {
        "worker": {"depends_on": ["web"]},
        "web": {"depends_on": {"db": {"condition": "service_healthy"}, "migrate": {}}},
        "migrate": {"depends_on": ["db"]},
        "db": {},
        "lb": {"depends_on": ["web", "certs"]},
        "certs": {},
        "admin": {},
    }
    assert startup_order(services, ["web"], "lb") == Order(("migrate", "db"), ("certs",), ("worker", "admin"))


def test_what_several_services_need_starts_before_all_of_them() -> None:
    services: dict[str, dict[str, Any]] = {"web": {"depends_on": ["api"]}, "api": {"depends_on": ["db"]}, "db": {}}
    assert startup_order({**services, "lb": {}, "mail": {}}, ["web", "api"], "lb") == Order(("db",), (), ("mail",))


def test_cycles_and_unknown_dependencies_are_ignored() -> None:
    services: dict[str, dict[str, Any]] = {
        "web": {"depends_on": ["a", "gone"]},
        "a": {"depends_on": ["b"]},
        "b": {"depends_on": ["a", "web", "lb"]},
        "lb": {},
    }
    assert startup_order(services, ["web"], "lb") == Order(("a", "b"), (), ())
