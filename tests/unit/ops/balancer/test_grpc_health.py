"""The health check of gRPC: what an answer says, and how it gets out of nginx's container."""

from __future__ import annotations

import pytest

from ops.balancer.grpc_health import fault, told
from ops.balancer.probe import CALL, CONFIG, Target, probe_all, read_answers
from ops.models import ExecResult, ProbeResult
from ops.probes import GrpcHealth

EMPTY, SERVING, NOT_SERVING = (bytes((0, 0, 0, 0, len(text))) + text for text in (b"", b"\x08\x01", b"\x08\x02"))


@pytest.mark.parametrize(
    ("status", "call_status", "body", "expected"),
    [
        (200, "", SERVING, ""),
        (200, "", NOT_SERVING, "NOT_SERVING"),
        (200, "", EMPTY, "UNKNOWN"),
        (200, "", EMPTY + b"x", "an answer that is not a health check's"),
        (200, "12", b"", ""),  # no health service
        (200, "16", b"", ""),  # not without a token
        (200, "14", b"", "grpc-status 14"),
        (200, "", b"", "grpc-status missing"),
        (415, "", b"", "status 415"),
        (0, "", b"", "no answer"),
    ],
)
def test_a_server_that_says_that_it_does_not_serve_is_not_ready(
    status: int, call_status: str, body: bytes, expected: str
) -> None:
    assert fault(status, call_status, body) == expected


def test_without_the_status_of_the_call_only_a_message_can_be_bad() -> None:
    assert [told(200, body) for body in (b"", SERVING, NOT_SERVING)] == ["", "", "NOT_SERVING"]
    assert told(0, b"") == "no answer"


def asked(answers: str, number: int = 1) -> list[ProbeResult]:
    targets = {name: Target(name, GrpcHealth(50051)) for name in "abc"[:number]}
    return list(read_answers(answers, targets).values())


def line(number: int, body: bytes, said: str) -> str:
    answer = body + b"\n" + said.encode()
    return f"{number} call {answer.hex()}\n"


def test_the_answers_are_read_in_any_order() -> None:
    output = (
        line(2, b"", "000 0.001  Connection refused") + line(0, SERVING, "200 0.002  ") + line(1, b"", "200 0.1 12 ")
    )
    serving, silent, closed = asked(output, 3)
    assert serving == ProbeResult(True, 200, 0.002, "", "gRPC health check at port 50051")
    assert silent.ok
    assert silent.asked == "gRPC health check at port 50051, which it does not have"
    assert (closed.ok, closed.reason) == (False, "Connection refused")


@pytest.mark.parametrize("broken", ["", "0 call \n", "0 call 0a3\n", "9 call 00\n", "Killed\n"])
def test_an_incomplete_answer_is_a_failure(broken: str) -> None:
    (result,) = asked(broken)
    assert not result.ok
    assert result.reason


def test_only_grpc_is_called() -> None:
    environments: list[dict[str, str]] = []

    class Gateway:
        def ask(self, command: list[str], environment: dict[str, str]) -> ExecResult:
            environments.append(environment)
            return ExecResult(0, line(0, SERVING, "200 0.002  "))

    results = probe_all(Gateway(), {"a": Target("web-1", GrpcHealth(50051))}, 2.0)  # type: ignore[arg-type]
    assert results["a"].ok
    assert environments[0][CALL] == "0 web-1 50051"
    assert environments[0][CONFIG] == ""
