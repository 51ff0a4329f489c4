"""Probes of replicas from where nginx runs: on the way, the network and the DNS of real traffic."""

from __future__ import annotations

from collections.abc import Mapping

from ops.errors import EngineError
from ops.models import ProbeResult
from ops.platform.ports import Gateway

NOT_FOUND = 127
"""Exit code of a shell, and of an exec, when there is no such command."""

SHOWN = 300
"""Characters of an answer that are shown to the operator."""

_FORMAT = "%{urlnum} %{http_code} %{time_total} %{errormsg}\n"


def probe_all(gateway: Gateway, targets: Mapping[str, str], timeout: float) -> dict[str, ProbeResult]:
    """GETs every URL at once, by one curl beside nginx: name -> URL becomes name -> result.

    ``timeout``: seconds for each, name resolution included. Good is a status from 200 to 299; redirects are not
    followed.
    Raises EngineError, also when there is no curl.
    """
    if not targets:
        return {}
    answer = gateway.run(curl_arguments(list(targets.values()), timeout))
    if answer.code == NOT_FOUND or "executable file not found" in answer.output:
        raise EngineError(
            "no curl in the balancer's container",
            "build the balancer's image with curl: replicas are probed from there",
        )
    return read_answers(answer.output, list(targets))


def read_body(gateway: Gateway, url: str, timeout: float) -> str:
    """What ``url`` answers, asked like a probe: the first SHOWN characters in one line, "" for nothing.

    Raises EngineError.
    """
    return " ".join(gateway.run([*quiet_curl(timeout), url]).output.split())[:SHOWN]


def quiet_curl(timeout: float) -> list[str]:
    """The command that GETs the URLs behind it, ``timeout`` seconds each, and writes nothing but what they answer."""
    return ["curl", "-s", "--globoff", "--max-time", f"{timeout:.3f}", "-A", "videa-probe"]


def curl_arguments(urls: list[str], timeout: float) -> list[str]:
    """The command that GETs all ``urls`` in parallel and writes one line for each."""
    outputs = [part for url in urls for part in ("-o", "/dev/null", url)]
    return [
        *("curl", "-sS", "--stderr", "/dev/null", "--globoff", "--parallel", "--parallel-immediate"),
        *("--parallel-max", "300", "--max-time", f"{timeout:.3f}", "-A", "videa-probe", "-w", _FORMAT),
        *outputs,
    ]


def read_answers(output: str, names: list[str]) -> dict[str, ProbeResult]:
    """What curl wrote, by name. A transfer without a line, because curl was killed, is a failed probe."""
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
