"""Probes of replicas from nginx's container, over the same network and DNS as real traffic."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Protocol

import msgspec

from ops.balancer import grpc_health
from ops.errors import EngineError
from ops.models import ExecResult, ProbeResult
from ops.platform.ports import Gateway
from ops.probes import GOOD, GrpcHealth, Http, TcpConnect

NOT_FOUND = 127
"""Exit code of a shell, and of an exec, if the command does not exist."""

SHOWN = 300
"""Maximum length, in characters, of an answer in a message."""

CONFIG, CONNECT, CALL = "VIDEA_CURL", "VIDEA_CONNECT", "VIDEA_CALL"
"""Environment variables: curl's configuration, so that no header of a probe becomes a process argument; and a line
"number host port" per TCP connection, and per gRPC call."""

PATIENCE, PAUSE = 2, 0.2
"""Maximum seconds for which one exec waits for consecutive good probes, and seconds between the probes.

An exec costs the engine as much as ten curl processes; a starting replica has no traffic yet, so frequent probes do no
harm.
"""

_ROW = re.compile(r"^row (\d+)$", re.MULTILINE)

_CALL_HEADERS = " ".join(f"-H '{name}: {value}'" for name, value in grpc_health.HEADERS)

# curl cannot connect without a request, so nc (Alpine) or bash (Debian) does. The answer to a call is binary.
_SCRIPT = f"""
command -v curl >/dev/null || exit {NOT_FOUND}
connects() {{
    if command -v nc >/dev/null; then
        nc -z -w "$1" "$2" "$3"
    else
        timeout "$1" bash -c ': </dev/tcp/$0/$1' "$2" "$3"
    fi
}}
calls() {{
    {grpc_health.EMPTY_CALL} | curl -s --http2-prior-knowledge --globoff --max-time "$1" -A videa-probe \
        {_CALL_HEADERS} --data-binary @- -w '\n%{{http_code}} %{{time_total}} %header{{grpc-status}} %{{errormsg}}' \
        "http://$2:$3{grpc_health.PATH}" | od -An -v -tx1 | tr -d ' \n'
}}
requests() {{ printf %s "${CONFIG}" | curl --stderr /dev/null -K -; }}
if [ "$2" -gt 1 ]; then
    until=$(($(date +%s) + {PATIENCE})) row=0 again=
    while [ "$row" -lt "$2" ] && [ "$(date +%s)" -lt "$until" ]; do
        [ -z "$again" ] || sleep {PAUSE}
        again=yes
        answers=$(requests)
        case $(printf '%s\n' "$answers" | grep -vc '^[0-9]* 2') in 0) row=$((row + 1)) ;; *) row=0 ;; esac
    done
    echo "$answers"
    echo "row $row"
    exit
fi
[ -z "${CONFIG}" ] || requests &
while read -r number host port; do
    [ -n "$number" ] || continue
    {{ connects "$1" "$host" "$port" </dev/null >/dev/null 2>&1 && reason= || reason='it accepts no connection'
    echo "$number 000 0 $reason"; }} &
done <<END
${CONNECT}
END
while read -r number host port; do
    [ -n "$number" ] || continue
    {{ answer=$(calls "$1" "$host" "$port" </dev/null); echo "$number call $answer"; }} &
done <<END
${CALL}
END
wait
"""


class Target(msgspec.Struct, frozen=True):
    """A replica to probe. ``host``: its name."""

    host: str
    probe: Http | GrpcHealth | TcpConnect


class Asked(Protocol):
    """Runs the command that probes: a ``Gateway``, or an object with the same method."""

    def ask(self, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult: ...


def probe_all(gateway: Asked, targets: Mapping[str, Target], timeout: float, passes: int = 1) -> dict[str, ProbeResult]:
    """Sends all probes in parallel, with one curl in nginx's container.

    Returns name -> result. ``timeout``: seconds per probe, including name resolution; ``passes``: if all probes are
    HTTP requests that expect 200 to 299, waits up to PATIENCE seconds until this many in a row are good, and returns
    the last results. Raises EngineError, also if there is no curl.
    """
    if not targets:
        return {}
    requests = [
        _numbered(number, curl_config(target.host, target.probe, timeout))
        for number, target in enumerate(targets.values())
        if isinstance(target.probe, Http)
    ]
    head = "parallel\nparallel-immediate\nparallel-max = 300\n" if requests else ""
    environment = {CONFIG: head + "next\n".join(requests)}
    for name, kind in ((CONNECT, TcpConnect), (CALL, GrpcHealth)):
        environment[name] = "\n".join(
            f"{number} {target.host} {target.probe.port}"
            for number, target in enumerate(targets.values())
            if isinstance(target.probe, kind)
        )
    waits = all(isinstance(target.probe, Http) and target.probe.expect == GOOD for target in targets.values())
    arguments = (str(math.ceil(timeout)), str(passes if waits else 1))
    answer = gateway.ask(["sh", "-c", _SCRIPT, "videa-probe", *arguments], environment)
    if answer.code == NOT_FOUND or "executable file not found" in answer.output:
        raise EngineError(
            "the balancer's container has no curl",
            "build the balancer's image with curl, which probes the replicas",
        )
    results = read_answers(answer.output, targets)
    row = _ROW.search(answer.output)
    good = max(1, int(row[1])) if row else 1
    return {name: msgspec.structs.replace(result, row=good) for name, result in results.items()}


def read_body(gateway: Gateway, host: str, probe: Http, timeout: float) -> str:
    """The body of a replica's answer: its first SHOWN characters in one line, "" without an answer. Raises EngineError.

    ``timeout``: seconds.
    """
    script = f'printf %s "${CONFIG}" | curl -K -'
    answer = gateway.ask(["sh", "-c", script], {CONFIG: curl_config(host, probe, timeout)})
    return " ".join(answer.output.split())[:SHOWN]


def quiet_curl(timeout: float) -> list[str]:
    """The command that sends a GET to the URLs after it, and prints only the answers. ``timeout``: seconds per URL."""
    return ["curl", "-s", "--globoff", "--max-time", f"{timeout:.3f}", "-A", "videa-probe"]


def curl_config(host: str, probe: Http, timeout: float) -> str:
    """The lines of curl's configuration for one probe. ``timeout``: seconds."""
    url = f"http://{host}:{probe.port}{probe.path}"
    lines = ["silent", "globoff", f"max-time = {timeout:.3f}", 'user-agent = "videa-probe"', f"url = {_quoted(url)}"]
    lines += [f"header = {_quoted(f'{name}: {value}')}" for name, value in probe.headers]
    return "\n".join(lines) + "\n"


def _numbered(number: int, config: str) -> str:
    form = f"{number} %{{http_code}} %{{time_total}} %{{errormsg}}"
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
        if rest.startswith("call ") and number.isdecimal() and int(number) < len(names):
            name = names[int(number)]
            results[name] = _called(targets[name].probe, rest.removeprefix("call "))
            continue
        status, seconds, reason = (*rest.split(" ", 2), "", "")[:3]
        if number.isdecimal() and int(number) < len(names) and status.isdecimal():
            name = names[int(number)]
            results[name] = _result(targets[name].probe, int(status), float(seconds), reason.strip())
    return results


def _called(probe: Http | GrpcHealth | TcpConnect, answer: str) -> ProbeResult:
    """The result of a call. ``answer``: the message and, after a line break, curl's output, all in hexadecimal."""
    try:
        body, _, said = bytes.fromhex(answer).rpartition(b"\n")
    except ValueError:  # od was killed
        body, said = b"", b""
    status, seconds, call_status, reason = (*said.decode(errors="replace").split(" ", 3), "", "", "", "")[:4]
    code = int(status) if status.isdecimal() else 0
    fault = grpc_health.fault(code, call_status, body)
    if fault and reason.strip():
        fault = reason.strip()
    silent = ", which it does not have" if grpc_health.answers(code, call_status) else ""
    return ProbeResult(not fault, code, float(seconds or 0), fault, f"{probe}{silent}")


def _result(probe: Http | GrpcHealth | TcpConnect, status: int, seconds: float, reason: str) -> ProbeResult:
    by_connect = isinstance(probe, TcpConnect)
    ok = not reason and (by_connect or (isinstance(probe, Http) and probe.admits(status)))
    return ProbeResult(ok, status, seconds, "" if ok else reason or f"status {status}", str(probe), by_connect)
