"""The probe command, and the results in its output."""

from __future__ import annotations

from ops.balancer.probe import curl_arguments, read_answers
from ops.models import ProbeResult


def test_urls_are_requested_in_parallel_with_the_timeout() -> None:
    arguments = curl_arguments(["http://a:1/", "http://b:1/[x]"], 1.5)
    assert "--parallel" in arguments
    assert arguments[arguments.index("--max-time") + 1] == "1.500"
    assert arguments[-6:] == ["-o", "/dev/null", "http://a:1/", "-o", "/dev/null", "http://b:1/[x]"]
    assert "--globoff" in arguments


def test_answers_get_their_names_in_any_order() -> None:
    output = "1 503 0.020 \n0 200 0.010 \n2 000 1.001 Connection timed out after 1001 milliseconds\n"
    assert read_answers(output, ["a", "b", "c"]) == {
        "a": ProbeResult(True, 200, 0.01, ""),
        "b": ProbeResult(False, 503, 0.02, "status 503"),
        "c": ProbeResult(False, 0, 1.001, "Connection timed out after 1001 milliseconds"),
    }


def test_an_incomplete_answer_is_a_failure() -> None:
    assert not read_answers("0 200 0.010 transfer closed with 5 bytes remaining to read\n", ["a"])["a"].ok


def test_a_redirect_is_a_failure() -> None:
    assert read_answers("0 302 0.010 \n", ["a"])["a"].reason == "status 302"


def test_a_probe_without_a_line_has_failed() -> None:
    results = read_answers("Killed\n9 200 0.1 \n", ["a", "b"])
    assert [result.ok for result in results.values()] == [False, False]
    assert "curl ended" in results["a"].reason
