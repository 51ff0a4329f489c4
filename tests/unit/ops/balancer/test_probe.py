"""The probe command, and the results in its output."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from ops.balancer.probe import CONFIG, CONNECT, Target, curl_config, probe_all, read_answers, read_body
from ops.errors import EngineError
from ops.models import ExecResult, ProbeResult
from ops.probes import Http, Statuses, TcpConnect

SECRET = (("Host", "a.example"), ("X-Key", 'se"cret'))


def targets(*probes: Http | TcpConnect) -> dict[str, Target]:
    return {name: Target(name, probe) for name, probe in zip("abc", probes, strict=False)}


def test_headers_are_in_the_environment_and_not_in_process_arguments() -> None:
    asked: list[tuple[list[str], Mapping[str, str]]] = []

    def ask(command: list[str], environment: Mapping[str, str]) -> ExecResult:
        asked.append((command, environment))
        return ExecResult(0, "1 000 0.1 \n0 204 0.2 \n")

    gateway: Any = SimpleNamespace(ask=ask)
    results = probe_all(gateway, targets(Http(1, "/ready", SECRET), TcpConnect(2)), 1.5)
    assert [result.ok for result in results.values()] == [True, True]
    read_body(gateway, "a", Http(1, "/ready", SECRET), 1)
    for command, environment in asked:
        assert "cret" not in " ".join(command)
        assert 'header = "X-Key: se\\"cret"\n' in environment[CONFIG]
    assert asked[0][0][-2:] == ["2", "1"]
    assert asked[0][1][CONNECT] == "1 b 2"
    assert asked[0][1][CONFIG].startswith("parallel\n")


def test_each_request_has_its_own_options() -> None:
    """Those before "next" do not apply to the following ones."""
    asked: list[str] = []
    gateway: Any = SimpleNamespace(ask=lambda _, environment: asked.append(environment[CONFIG]) or ExecResult(0, ""))
    probe_all(gateway, targets(Http(1, "/ready", SECRET), Http(2, "/")), 1.5)
    first, second = asked[0].split("next\n")
    assert 'url = "http://a:1/ready"' in first
    for part in (first, second):
        assert part.count("max-time = 1.500") == part.count("globoff") == part.count("write-out") == 1
    assert "header" not in second


@pytest.mark.parametrize(
    ("probe", "said", "row"),
    [(Http(1, "/"), "3", 3), (Http(1, "/", expect=(Statuses("200-399"),)), "1", 1), (TcpConnect(1), "1", 1)],
)
def test_one_command_waits_for_good_answers_in_a_row(probe: Http | TcpConnect, said: str, row: int) -> None:
    """The shell knows only what an answer from 200 to 299 is."""
    asked: list[list[str]] = []
    answer = "0 200 0.1 \n" + ("row 3\n" if said == "3" else "")
    gateway: Any = SimpleNamespace(ask=lambda command, _: asked.append(command) or ExecResult(0, answer))
    assert probe_all(gateway, targets(probe), 1.5, passes=3)["a"].row == row
    assert asked[0][-1] == said


def test_without_targets_nothing_is_asked_and_without_curl_it_is_an_error() -> None:
    gateway: Any = SimpleNamespace(ask=lambda *_: ExecResult(127, "sh: curl: not found"))
    assert probe_all(gateway, {}, 1) == {}
    with pytest.raises(EngineError, match="no curl"):
        probe_all(gateway, targets(TcpConnect(1)), 1)


def test_answers_get_their_names_in_any_order() -> None:
    output = "1 503 0.020 \n0 200 0.010 \n2 000 1.001 Connection timed out after 1001 milliseconds\n"
    assert read_answers(output, targets(Http(1, "/r"), Http(1, "/r"), Http(2, "/r"))) == {
        "a": ProbeResult(True, 200, 0.01, "", "/r"),
        "b": ProbeResult(False, 503, 0.02, "status 503", "/r"),
        "c": ProbeResult(False, 0, 1.001, "Connection timed out after 1001 milliseconds", "/r"),
    }


def test_an_incomplete_answer_is_a_failure() -> None:
    output = "0 200 0.010 transfer closed with 5 bytes remaining to read\n"
    assert not read_answers(output, targets(Http(1, "/")))["a"].ok


def test_only_expected_statuses_are_good() -> None:
    def ok(status: int, *expect: str) -> bool:
        probe = Http(1, "/", expect=tuple(map(Statuses, expect))) if expect else Http(1, "/")
        return read_answers(f"0 {status} 0.010 \n", targets(probe))["a"].ok

    assert [ok(status) for status in (200, 299, 302, 404)] == [True, True, False, False]
    assert [ok(status, "200-399") for status in (200, 302, 399, 400)] == [True, True, True, False]
    assert [ok(status, "204", "401-403") for status in (200, 204, 401, 404)] == [False, True, True, False]


def test_a_connection_is_good_without_a_status() -> None:
    connected, refused = read_answers("0 000 0.1 \n1 000 0.1 refused\n", targets(TcpConnect(1), TcpConnect(1))).values()
    assert (connected.ok, connected.by_connect) == (True, True)
    assert (refused.ok, refused.reason) == (False, "refused")


def test_a_probe_without_a_line_has_failed() -> None:
    results = read_answers("Killed\n9 200 0.1 \n", targets(Http(1, "/"), TcpConnect(1)))
    assert [result.ok for result in results.values()] == [False, False]
    assert "curl ended" in results["a"].reason


def test_a_path_with_brackets_is_not_a_pattern() -> None:
    assert curl_config("b", Http(1, "/[x]"), 2).splitlines()[:2] == ["silent", "globoff"]
