"""Faults of networks, of nginx's own resources and of what people do by hand; each fix is run as it is printed."""

from __future__ import annotations

import os
import shlex
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil
import pytest

from ops.doctor.check import Finding
from ops.doctor.report import Report
from tests.engine.conftest import GOOD
from tests.engine.doctor.conftest import Patient, found


def of(report: Report, check: str) -> Finding:
    """The first finding with that id."""
    return next(finding for finding in report.findings if finding.id == check)


def mend(patient: Patient, finding: Finding, start: str = "") -> None:
    """Runs the commands of a fix that start like this (all, without it), as they are printed."""
    lines = [line[line.index(start) :] for line in finding.fix.splitlines() if start in line]
    assert lines, finding.fix
    for line in lines:
        command, *arguments = shlex.split(line)
        if command == "videa":
            patient.stack.done(*arguments)
        else:
            assert command == "docker"
            patient.stack.docker(*arguments)


@contextmanager
def paused(patient: Patient, container: str) -> Iterator[None]:
    """A paused container, which runs again at the end, whoever lets it."""
    patient.stack.docker("pause", container)
    try:
        yield
    finally:
        if patient.state(container, ".State.Paused") == "true":
            patient.stack.docker("unpause", container)


def test_a_removed_replica_and_a_paused_one(patient: Patient) -> None:
    first, second = patient.stack.replicas()
    patient.stack.docker("rm", "--force", second)
    report = patient.examine()
    assert found(report) == {"deploy.replicas"}
    assert of(report, "lb.stale").cause == "deploy.replicas"
    mend(patient, of(report, "deploy.replicas"))
    with paused(patient, first):
        report = patient.examine()
        mend(patient, of(report, "deploy.replicas"))
    assert found(report) == {"deploy.replicas"}
    patient.stack.until(patient.is_well)


def test_nginx_paused_and_a_container_that_cannot_start(patient: Patient) -> None:
    name = f"{patient.stack.project}-broken-1"
    labels = {"project": patient.stack.project, "service": "broken", "container-number": "1", "oneoff": "False"}
    marks = [item for key, value in labels.items() for item in ("--label", f"com.docker.compose.{key}={value}")]
    patient.stack.docker("create", "--name", name, *marks, GOOD, "/no/such/program")
    try:
        with pytest.raises(AssertionError, match="no such file"):
            patient.stack.docker("start", name)
        with paused(patient, f"{patient.stack.project}-nginx-1"):
            report = patient.examine()
            mend(patient, of(report, "lb.no_live"))
        mend(patient, of(report, "ctr.start_failed"))
    finally:
        if patient.stack.docker("ps", "--all", "--quiet", "--filter", f"name=^{name}$").strip():
            patient.stack.docker("rm", "--force", name)
    assert {"lb.no_live", "ctr.start_failed"} <= found(report, "fail")
    assert "/no/such/program" in of(report, "ctr.start_failed").evidence
    patient.stack.until(patient.is_well)


def test_a_replica_cut_off_its_network_and_one_that_resolves_no_names(patient: Patient) -> None:
    patient.settle()
    cut, deaf = patient.stack.replicas()
    network = f"{patient.stack.project}_data"
    place = patient.state(deaf, ".ResolvConfPath")
    overwrite = ("run", "--rm", "--user", "0", "--volume", f"{place}:/resolv.conf", GOOD, "sh", "-c")
    patient.stack.docker(*overwrite, "echo nameserver 127.0.0.9 > /resolv.conf")
    patient.stack.docker("network", "disconnect", network, cut)
    patient.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'videa_app'")
    urls = " ".join(f"http://{name}:3001/health/ready" for name in (cut, deaf))
    unready = f"curl -s -o /dev/null -o /dev/null -w '%{{http_code}} ' -m 3 {urls} || true"
    patient.stack.until(lambda: patient.exec("nginx", unready).split() == ["503", "503"])
    report = patient.examine(start_time=0.0)
    assert {"net.unreachable", "net.dns"} == found(report, "fail")
    way, names = of(report, "net.unreachable"), of(report, "net.dns")
    assert (way.subject, names.subject) == (cut, deaf)
    assert "postgres" in way.title and "postgres" in names.evidence
    causes = {finding.subject: finding.cause for finding in report.findings if finding.id == "app.not_ready"}
    assert causes[cut] == "net.unreachable"
    mend(patient, way)
    mend(patient, names, "docker restart")
    patient.stack.until(patient.is_well)


HALF = r"""
import pathlib, re, socket, time, urllib.request
head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
with socket.create_connection(("{0}", 3001)) as held:
    held.sendall(head.encode() + b" ")
    figures = b""
    while not re.search(rb'"in_flight": ?[2-9]', figures):
        figures = urllib.request.urlopen("http://{0}:3001/health/metrics?format=json").read()
    pathlib.Path("/tmp/half").touch()
    time.sleep(60)
"""
"""Sends half a request, for whose end a replica that is to stop waits."""


def test_a_replica_that_is_to_stop_and_waits(patient: Patient) -> None:
    patient.settle()
    other, waiting = patient.stack.replicas()
    patient.stack.docker("exec", "--detach", other, "python", "-c", HALF.format(waiting))
    patient.stack.until(lambda: "half" in patient.stack.docker("exec", other, "ls", "/tmp"))
    patient.stack.docker("kill", "--signal", "TERM", waiting)
    report = patient.examine(start_time=0.0)
    assert found(report, "fail") == {"app.not_ready"}
    assert of(report, "app.not_ready").evidence == "503: draining"
    mend(patient, of(report, "app.not_ready"))
    patient.stack.until(patient.is_well)
    patient.stack.docker("exec", other, "rm", "/tmp/half")


def test_nginx_without_room_and_without_connections(patient: Patient) -> None:
    patient.exec("nginx", "head -c 64m /dev/zero > /tmp/fill || true")
    try:
        full = patient.examine()
        mend(patient, of(full, "lb.tmpfs"), "docker compose restart")
    finally:
        patient.exec("nginx", "rm -f /tmp/fill")
    assert found(full) == {"lb.tmpfs"}
    patient.stack.until(patient.is_well)
    few = "echo 'worker_connections 60;' > /tmp/nginx/connections.conf && nginx -e stderr -s reload"
    patient.exec("nginx", few)
    with ExitStack() as held:
        for _ in range(50):
            held.enter_context(socket.create_connection(("127.0.0.1", patient.stack.port), 2))
        report = patient.examine()
        assert found(report, "fail", "warn") == {"lb.connections"}
    mend(patient, of(report, "lb.connections"), "docker compose restart")
    patient.stack.until(patient.is_well)


def test_the_published_port_leads_nowhere(patient: Patient) -> None:
    proxies = [
        process.pid
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "docker-proxy" and str(patient.stack.port) in process.info["cmdline"]
    ]
    if not proxies:
        pytest.skip("this engine has no proxy of its own for published ports")
    for pid in proxies:
        os.kill(pid, signal.SIGKILL)
    report = patient.examine()
    assert found(report, "fail", "warn") == {"lb.unreachable"}
    mend(patient, of(report, "lb.unreachable"), "docker compose restart")
    patient.stack.until(patient.is_well)
    patient.stack.until(patient.stack.is_ready)


def refreshed(patient: Patient, count: int) -> list[str]:
    """The statuses of so many requests for new tokens, by one client."""
    script = (
        "curl -s -o /dev/null -w '%{http_code}\\n' -X POST -H 'Content-Type: application/json'"
        f" -d '{{}}' 'http://127.0.0.1:8080/api/v1/auth/refresh?n=[1-{count}]'"
    )
    return patient.exec("nginx", script).split()


def test_everybody_is_refused_by_a_limit_and_the_file_has_changed(patient: Patient) -> None:
    assert refreshed(patient, 300).count("429") > 200
    report = patient.examine("app.ratelimit_all")
    assert found(report) == {"app.ratelimit_all"}
    fix = of(report, "app.ratelimit_all").fix
    assert "refresh=600/60" in fix
    name, _, value = fix.splitlines()[0].rpartition(" ")[2].partition("=")
    with patient.stack.env(**{name: value}):
        shown = patient.stack.videa("doctor", "--only", "deploy.drift", "--fail-on", "warn")
        assert (shown.returncode, "deploy.drift" in shown.stdout) == (0, True)
        report = patient.examine()
        assert found(report) == {"deploy.drift"}
        assert fix.endswith(of(report, "deploy.drift").fix)
        mend(patient, of(report, "deploy.drift"))
        assert "429" not in refreshed(patient, 300)  # so that less than half of the last minute's are refused
        assert found(patient.examine("app.ratelimit_all")) == set()
    patient.stack.done("deploy")
    assert patient.stack.videa("doctor", "--from", "x.tar.gz", "--fix").returncode == 3


def test_a_child_is_killed_for_memory_while_its_container_lives(patient: Patient) -> None:
    greedy = "python -c \"x = 'x' * 10**9\"; echo over; sleep 120"
    with patient.stranger("--memory", "40m", "--memory-swap", "40m", GOOD, "sh", "-c", greedy) as name:
        patient.stack.until(lambda: "over" in patient.stack.docker("logs", name))
        report = patient.examine()
        assert of(report, "ctr.oom").subject == name
        assert "a process in it was killed" in of(report, "ctr.oom").title
        again = patient.examine(oom_age=0.0)
    assert "ctr.oom" not in {finding.id for finding in again.findings}
