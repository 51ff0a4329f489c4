"""In which order services start around the one that is scaled."""

from __future__ import annotations

from typing import Any

from ops.project.startup import Order, startup_order


def test_what_is_depended_on_comes_before_and_what_depends_comes_after() -> None:
    services: dict[str, dict[str, Any]] = {
        "worker": {"depends_on": ["web"]},
        "web": {"depends_on": {"db": {"condition": "service_healthy"}, "migrate": {}}},
        "migrate": {"depends_on": ["db"]},
        "db": {},
        "lb": {"depends_on": ["web", "certs"]},
        "certs": {},
        "admin": {},
    }
    assert startup_order(services, "web", "lb") == Order(("migrate", "db"), ("certs",), ("worker", "admin"))


def test_services_that_depend_on_each_other_or_on_none_of_the_file_do_not_confuse_it() -> None:
    services: dict[str, dict[str, Any]] = {
        "web": {"depends_on": ["a", "gone"]},
        "a": {"depends_on": ["b"]},
        "b": {"depends_on": ["a", "web", "lb"]},
        "lb": {},
    }
    assert startup_order(services, "web", "lb") == Order(("a", "b"), (), ())
