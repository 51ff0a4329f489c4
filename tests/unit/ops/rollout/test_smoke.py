"""The answers that a checked path must give, over plain HTTP and over TLS."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ops.errors import ReleaseFailed
from ops.events import discard
from ops.models import ExecResult
from ops.operations import Operation
from ops.project.settings import Route
from ops.rollout.request import Request, Strategy
from ops.rollout.smoke import check_command, check_paths
from tests.unit.ops.disturbances import NEW, left_over, quiet, state
from tests.unit.ops.fakes import FakeStack, fake_stack

PUBLISHED = [{"target": 8080, "published": "80"}, {"target": 8443, "published": "443"}]


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    return fake_stack(tmp_path)


def answering(stack: FakeStack, answers: dict[str, str], ports: Any = PUBLISHED) -> list[list[str]]:
    """Sets nginx's answer to each URL, as "status location". Returns the list of commands run there."""
    commands: list[list[str]] = []

    def run(command: list[str]) -> ExecResult:
        commands.append(command)
        answer = answers.get(command[-1], "")
        return ExecResult(0, f"\n{answer}") if answer else ExecResult(7, "curl: (7) refused\n000 ")

    stack.gateway.ask = run  # type: ignore[method-assign]
    stack.project.model["services"]["nginx"]["ports"] = ports  # type: ignore[index]
    return commands


def test_a_path_with_a_good_answer_passes(stack: FakeStack) -> None:
    commands = answering(stack, {"http://127.0.0.1:8080/a?b=1": "204 "})
    check_paths(stack, ["/a?b=1"], "token")
    assert "X-Videa-Canary: token" in commands[0]


def test_the_path_of_a_service_with_a_route_is_requested_as_clients_do(stack: FakeStack) -> None:
    settings = msgspec.structs.replace(stack.project.settings, route=Route(host="shop.example", path="/api"))
    routed = dataclasses.replace(stack, project=dataclasses.replace(stack.project, settings=settings))
    commands = answering(routed, {"http://127.0.0.1:8080/api/up": "200 "})
    check_paths(routed, ["/api/up"], "token")
    assert "Host: shop.example" in commands[0]
    with pytest.raises(ReleaseFailed, match="requests for /up go to no service, not to app"):
        check_paths(routed, ["/up"], "token")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("404 ", "answers /a with 404"),
        ("500 ", "answers /a with 500"),
        ("", "refused"),
        ("302 http://127.0.0.1:8080/login", "redirects /a (302) to http://127.0.0.1:8080/login"),
        ("301 https://elsewhere.example/login", "redirects /a"),
        ("308 https://shop.example:9443/a", "redirects /a"),
    ],
)
def test_any_other_answer_fails(stack: FakeStack, answer: str, text: str) -> None:
    answering(stack, {"http://127.0.0.1:8080/a": answer})
    with pytest.raises(ReleaseFailed) as failed:
        check_paths(stack, ["/a"], "token")
    assert text in failed.value.message


@pytest.mark.parametrize(("status", "passes"), [("200 ", True), ("404 ", False), ("303 https://shop.example/b", False)])
def test_if_plain_http_redirects_to_tls_the_release_is_checked_over_tls(
    stack: FakeStack, status: str, passes: bool
) -> None:
    """nginx's own 308 does not show that the release works."""
    https = "https://shop.example/a?b=1"
    commands = answering(stack, {"http://127.0.0.1:8080/a?b=1": f"308 {https}", https: status})
    if passes:
        check_paths(stack, ["/a?b=1"], "token")
    else:
        with pytest.raises(ReleaseFailed):
            check_paths(stack, ["/a?b=1"], "token")
    assert "::127.0.0.1:8443" in commands[1]
    assert "X-Videa-Canary: token" in commands[1]


@pytest.mark.parametrize(
    ("answer", "url"),
    [("308 https://shop.example/", "https://shop.example"), ("302 http://127.0.0.1:8080/docs", "http://127.0.0.1")],
)
def test_a_command_gets_the_address_for_clients(stack: FakeStack, answer: str, url: str) -> None:
    answering(stack, {"http://127.0.0.1:8080/": answer})
    check_command(stack, f'test "$VIDEA_URL" = "{url}"', "token")


def test_a_failed_command_switches_nothing(stack: FakeStack) -> None:
    before = state(stack)
    request = Request(Strategy.BLUE_GREEN, commands=("echo no such thing; exit 3",))
    with pytest.raises(ReleaseFailed, match="exited with 3: no such thing") as failed:
        Operation(stack, discard, "videa deploy").deploy(NEW, request)
    assert failed.value.hint.startswith("everything was rolled back; ")
    assert state(stack) == before
    assert left_over(stack) == []


__all__ = ["quiet"]
