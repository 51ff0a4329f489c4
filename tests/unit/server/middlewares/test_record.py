from __future__ import annotations

import math

import pytest

from server.auth.tokens import User
from server.context import Context
from server.middlewares.record import SLOW, is_notable

SOMEBODY = Context("r", user=User(7, "user", math.inf))
NOBODY = Context("r")


@pytest.mark.parametrize(
    ("method", "context", "status", "seconds"),
    [
        ("GET", NOBODY, 500, 0.0),
        ("GET", SOMEBODY, 429, 0.0),
        ("GET", NOBODY, 499, 0.0),
        ("GET", NOBODY, 200, SLOW),
        ("PUT", SOMEBODY, 200, 0.0),
        ("DELETE", SOMEBODY, 204, 0.0),
    ],
)
def test_what_a_balancer_does_not_know_is_logged(method: str, context: Context, status: int, seconds: float) -> None:
    assert is_notable(method, context, status, seconds)


@pytest.mark.parametrize(
    ("method", "context", "status"),
    [("GET", SOMEBODY, 200), ("HEAD", NOBODY, 304), ("OPTIONS", SOMEBODY, 204), ("POST", NOBODY, 201)],
)
def test_what_its_line_has_is_not_logged_again(method: str, context: Context, status: int) -> None:
    assert not is_notable(method, context, status, SLOW / 2)
