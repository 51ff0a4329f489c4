"""Probes of replicas from nginx's container, over the same network and DNS as real traffic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ops.errors import EngineError
from ops.models import ProbeResult
from ops.platform.ports import Gateway
from ops.probes import Http, TcpConnect

NOT_FOUND = 127
"""Exit code of a shell, and of an exec, if the command does not exist."""

SHOWN = 300
"""Maximum length, in characters, of an answer in a message."""

CONFIG = "VIDEA_CURL"
"""Environment variable with curl's configuration: no header of a probe becomes a process argument."""


@dataclass(frozen=True, slots=True)
class Target:
    """A replica to probe. ``host``: its name."""

    host: str
    probe: Http | TcpConnect

    @property
    def url(self) -> str:
        """curl connects for a telnet URL, and ends because its standard input is empty."""
        if isinstance(self.probe, TcpConnect):
            return f"telnet://{self.host}:{self.probe.port}"
        return f"http://{self.host}:{self.probe.port}{self.probe.path}"

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return self.probe.headers if isinstance(self.probe, Http) else ()


def probe_all(gateway: Gateway, targets: Mapping[str, Target], timeout: float) -> dict[str, ProbeResult]:
    """Sends all probes in parallel, with one curl in nginx's container.

    Returns name -> result. ``timeout``: seconds per probe, including name resolution. Raises EngineError, also if there
    is no curl.
    """
    if not targets:
        return {}
    parts = [_part(target, timeout, number) for number, target in enumerate(targets.values())]
    config = "parallel\nparallel-immediate\nparallel-max = 300\n" + "next\n".join(parts)
    answer = gateway.ask(["sh", "-c", f'printf %s "${CONFIG}" | curl --stderr /dev/null -K -'], {CONFIG: config})
    if answer.code == NOT_FOUND or "executable file not found" in answer.output:
        raise EngineError(
            "the balancer's container has no curl",
            "build the balancer's image with curl, which probes the replicas",
        )
    return read_answers(answer.output, targets)


def read_body(gateway: Gateway, target: Target, timeout: float) -> str:
    """The answer of ``target`` to a probe: its first SHOWN characters in one line, "" without one. Raises EngineError.

    ``timeout``: seconds.
    """
    script = f'printf %s "${CONFIG}" | curl -K -'
    answer = gateway.ask(["sh", "-c", script], {CONFIG: curl_config(target.url, target.headers, timeout)})
    return " ".join(answer.output.split())[:SHOWN]


def quiet_curl(timeout: float) -> list[str]:
    """The command that sends a GET to the URLs after it, and prints only the answers. ``timeout``: seconds per URL."""
    return ["curl", "-s", "--globoff", "--max-time", f"{timeout:.3f}", "-A", "videa-probe"]


def curl_config(url: str, headers: Iterable[tuple[str, str]], timeout: float) -> str:
    """The lines of curl's configuration for one GET. ``timeout``: seconds."""
    lines = ["silent", "globoff", f"max-time = {timeout:.3f}", 'user-agent = "videa-probe"', f"url = {_quoted(url)}"]
    lines += [f"header = {_quoted(f'{name}: {value}')}" for name, value in headers]
    return "\n".join(lines) + "\n"


def _part(target: Target, timeout: float, number: int) -> str:
    form = f"{number} %{{http_code}} %{{time_total}} %{{errormsg}}"
    config = curl_config(target.url, target.headers, timeout)
    return config + f'show-error\noutput = /dev/null\nwrite-out = "{form}\\n"\n'


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def read_answers(output: str, targets: Mapping[str, Target]) -> dict[str, ProbeResult]:
    """The results in curl's output, by name. A probe without a line, because curl was killed, has failed."""
    names = list(targets)
    results = {
        name: ProbeResult(False, 0, 0.0, "curl ended before it answered", str(target.probe))
        for name, target in targets.items()
    }
    for line in output.splitlines():
        number, _, rest = line.partition(" ")
        status, seconds, reason = (*rest.split(" ", 2), "", "")[:3]
        if number.isdecimal() and int(number) < len(names) and status.isdecimal():
            name = names[int(number)]
            results[name] = _result(targets[name].probe, int(status), float(seconds), reason.strip())
    return results


def _result(probe: Http | TcpConnect, status: int, seconds: float, reason: str) -> ProbeResult:
    by_connect = isinstance(probe, TcpConnect)
    ok = not reason and (isinstance(probe, TcpConnect) or probe.admits(status))
    return ProbeResult(ok, status, seconds, "" if ok else reason or f"status {status}", str(probe), by_connect)
