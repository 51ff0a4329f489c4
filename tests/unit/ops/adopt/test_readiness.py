"""x-videa.health, by what the running service answers and what Docker's health check asks."""

from __future__ import annotations

from typing import Any

import pytest

from ops.adopt.answers import Answers
from ops.adopt.detect import Evidence, Found, Role
from ops.adopt.health_check import Asked
from ops.adopt.readiness import check_fails, health_of

CHECK = {"healthcheck": {"test": ["CMD", "check"]}}


def found(check: Asked) -> Found:
    return Found("web", Role.HTTP, "", (8000,), Evidence.PUBLISHED, check)


@pytest.mark.parametrize(
    ("check", "answers", "spec", "health"),
    [
        (Asked(), None, {}, {}),
        (Asked(8000, "/up"), None, {}, {"ready": "/up"}),
        (Asked(None, "/up"), None, {}, {"ready": "/up"}),
        (Asked(8000, "/", "200-399"), None, {}, {"ready": "/", "expect": "200-399"}),
        (Asked(8000, "/", "200-399"), {"/": 200}, {}, {"ready": "/"}),
        (Asked(9000, "/up"), None, CHECK, {}),
        (Asked(9000, "/up"), {"/up": 404, "/health": 200}, CHECK, {"ready": "/health"}),
        (Asked(8000, "/up"), {"/up": 200, "/health": 200}, {}, {"ready": "/up"}),
        (Asked(8000, "/up"), {"/up": 404, "/health": 200}, {}, {"ready": "/health"}),
        (Asked(), {"/health/ready": 200, "/health/live": 200}, {}, {"live": "/health/live", "ready": "/health/ready"}),
        (Asked(), {"/health/ready": 200, "/health/live": 404}, {}, {"ready": "/health/ready"}),
        (Asked(), {"/": 200}, {}, {"ready": "/"}),
        (Asked(), {"/": 200}, CHECK, {}),
        (Asked(), {"/": 404}, {}, {}),
        (Asked(), {"/": 302}, {}, {"ready": "/", "expect": "200-399"}),
        (Asked(), {"/": 401}, {}, {"ready": "/", "expect": "200-399, 401"}),
        (Asked(), {"/": 401}, CHECK, {}),
        (Asked(), {"/": 403}, {"healthcheck": {"test": ["CMD", "grpc_health_probe"]}}, {}),
    ],
)
def test_the_health_path_is_what_the_running_service_answers_else_what_docker_asks(
    check: Asked, answers: dict[str, int] | None, spec: dict[str, Any], health: dict[str, str]
) -> None:
    assert health_of(found(check), 8000, Answers(answers) if answers else None, spec) == health


@pytest.mark.parametrize(
    ("period", "check", "health"),
    [
        ("2m0s", Asked(8000, "/up"), {"ready": "/up", "deadline": "180s"}),
        ("2m0s", Asked(), {"deadline": "180s"}),
        ("10s", Asked(8000, "/up"), {"ready": "/up"}),
        ("10s", Asked(), {}),
    ],
)
def test_a_slow_start_gets_its_time_whoever_checks(period: str, check: Asked, health: dict[str, str]) -> None:
    spec = {"healthcheck": {"test": ["CMD", "check"], "start_period": period}}
    assert health_of(found(check), 8000, None, spec) == health


@pytest.mark.parametrize("check", [{"disable": True}, {"test": ["NONE"]}])
def test_a_health_check_that_is_switched_off_says_nothing(check: dict[str, Any]) -> None:
    assert health_of(found(Asked()), 8000, Answers({"/": 200}), {"healthcheck": check}) == {"ready": "/"}


def test_a_health_check_that_fails_while_the_service_answers_does_not_decide() -> None:
    assert health_of(found(Asked()), 8000, Answers({"/": 200}), CHECK, fails=True) == {"ready": "/"}


@pytest.mark.parametrize(
    ("health", "fails"),
    [
        (None, False),
        ({"Status": "healthy", "Log": [{"ExitCode": 0, "Output": "sh: wget: not found, so curl"}]}, False),
        ({"Status": "starting", "Log": []}, False),
        ({"Status": "starting", "Log": [{"ExitCode": 1, "Output": "HTTP/1.1 404 Not Found"}]}, False),
        ({"Status": "starting", "Log": [{"ExitCode": 1, "Output": "/bin/sh: 1: curl: not found"}]}, True),
        ({"Status": "starting", "Log": [{"ExitCode": 127, "Output": "bash: line 1: curl: command not found"}]}, True),
        ({"Status": "starting", "Log": [{"ExitCode": -1, "Output": 'exec: "x": executable file not found'}]}, True),
        ({"Status": "unhealthy", "Log": [{"ExitCode": 1, "Output": ""}]}, True),
    ],
)
def test_a_check_whose_program_is_not_in_the_image_fails(health: dict[str, Any] | None, fails: bool) -> None:
    assert check_fails({"State": {"Health": health}}) is fails
