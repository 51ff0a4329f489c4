"""Probes of replicas from nginx's container, over the same network and DNS as real traffic."""

from __future__ import annotations

from collections.abc import Mapping

from ops.errors import EngineError
from ops.models import ProbeResult
from ops.platform.ports import Gateway

NOT_FOUND = 127
"""Exit code of a shell, and of an exec, if the command does not exist."""

SHOWN = 300
"""Maximum length, in characters, of an answer in a message."""

_FORMAT = "%{urlnum} %{http_code} %{time_total} %{errormsg}\n"


def probe_all(gateway: Gateway, targets: Mapping[str, str], timeout: float) -> dict[str, ProbeResult]:
    """Sends a GET to every URL in parallel, with one curl in nginx's container. ``targets``: name -> URL.

    Returns name -> result. ``timeout``: seconds per URL, including name resolution. A status from 200 to 299 is good;
    redirects are not followed. Raises EngineError, also if there is no curl.
    """
    if not targets:
        return {}
    answer = gateway.ask(curl_arguments(list(targets.values()), timeout))
    if answer.code == NOT_FOUND or "executable file not found" in answer.output:
        raise EngineError(
            "the balancer's container has no curl",
            "build the balancer's image with curl, which probes the replicas",
        )
    return read_answers(answer.output, list(targets))


def read_body(gateway: Gateway, url: str, timeout: float) -> str:
    """The answer of ``url`` to a probe: its first SHOWN characters in one line, "" without one. Raises EngineError.

    ``timeout``: seconds.
    """
    return " ".join(gateway.ask([*quiet_curl(timeout), url]).output.split())[:SHOWN]


def quiet_curl(timeout: float) -> list[str]:
    """The command that sends a GET to the URLs after it, and prints only the answers. ``timeout``: seconds per URL."""
    return ["curl", "-s", "--globoff", "--max-time", f"{timeout:.3f}", "-A", "videa-probe"]


def curl_arguments(urls: list[str], timeout: float) -> list[str]:
    """The command that sends a GET to all ``urls`` in parallel and prints one line per URL."""
    outputs = [part for url in urls for part in ("-o", "/dev/null", url)]
    return [
        *("curl", "-sS", "--stderr", "/dev/null", "--globoff", "--parallel", "--parallel-immediate"),
        *("--parallel-max", "300", "--max-time", f"{timeout:.3f}", "-A", "videa-probe", "-w", _FORMAT),
        *outputs,
    ]


def read_answers(output: str, names: list[str]) -> dict[str, ProbeResult]:
    """The results in curl's output, by name. A URL without a line, because curl was killed, is a failed probe."""
    results = {name: ProbeResult(False, 0, 0.0, "curl ended before it answered") for name in names}
    for line in output.splitlines():
        number, _, rest = line.partition(" ")
        status, seconds, reason = (*rest.split(" ", 2), "", "")[:3]
        if number.isdecimal() and int(number) < len(names) and status.isdecimal():
            results[names[int(number)]] = _result(int(status), float(seconds), reason.strip())
    return results


def _result(status: int, seconds: float, reason: str) -> ProbeResult:
    ok = 200 <= status <= 299 and not reason
    return ProbeResult(ok, status, seconds, "" if ok else reason or f"status {status}")
