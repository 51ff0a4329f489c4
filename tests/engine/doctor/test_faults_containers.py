"""Faults of containers, made with the engine; doctor names them and no other failure."""

from __future__ import annotations

import subprocess
from pathlib import Path

from msgspec.structs import replace

from bench.faults import Place, known_as_killed_for_memory
from bench.temporary_stack import free_port
from ops.doctor.collectors.machine import engine_facts, host_facts
from ops.doctor.limits import Limits
from ops.doctor.report import Report, examine, selection
from ops.factory import open_stack
from tests.engine.conftest import GOOD
from tests.engine.doctor.conftest import Patient, compose_files, found

CONTROL = "curl -fsS -o /dev/null --unix-socket /tmp/nginx/control.sock http://localhost/health"
"""Nothing but nginx itself answers it."""


def test_a_container_held_back_by_its_quota_and_a_busy_database(patient: Patient) -> None:
    """With bounds that a loop reaches on a busy machine, too, if not in each look."""
    loop = "n=0; while [ ! -e /tmp/enough ]; do n=$((n + 1)); [ $n = 1000 ] && touch /tmp/busy; done"
    patient.exec("postgres", "rm -f /tmp/busy /tmp/enough")
    patient.exec("postgres", loop, detach=True)
    with patient.stranger("--cpus", "0.1", GOOD, "sh", "-c", loop) as name:
        patient.stack.until(lambda: "busy" in patient.stack.docker("exec", name, "ls", "/tmp"))
        patient.stack.until(lambda: "busy" in patient.exec("postgres", "ls /tmp"))
        reports: list[Report] = []

        def held_back() -> bool:
            reports.append(patient.examine("ctr.cpu", "ctr.throttled", "app.capacity", cpu=0.3, capacity_cpu=0.05))
            return {"ctr.cpu", "ctr.throttled"} <= {one.id for one in reports[-1].findings if one.subject == name}

        patient.stack.until(held_back)
    patient.exec("postgres", "touch /tmp/enough")
    report = reports[-1]
    (throttled,) = [one for one in report.findings if (one.id, one.subject) == ("ctr.throttled", name)]
    assert found(report, "fail") == set()
    assert throttled.cause == "ctr.cpu"
    assert "app.capacity" in found(report, "info")


def test_containers_left_over_unhealthy_restarting_near_their_memory_and_killed_for_it(patient: Patient) -> None:
    place = Place(patient.stack.project, patient.stack.directory)
    sick = ("--health-cmd", "echo it hurts; exit 1", "--health-interval", "1s", "--health-retries", "1")
    greedy = ("--memory", "32m", "--memory-swap", "32m", GOOD, "python", "-c", "x = 'x' * 10**9")
    holds = "x = b'x' * (33 << 20); print('held', flush=True); import time; time.sleep(120)"
    large = ("--memory", "40m", "--memory-swap", "40m", GOOD, "python", "-c", holds)
    with (
        patient.stranger(*large, service="large") as full,
        patient.stranger(*sick, GOOD, "sleep", "120", service="sick") as ill,
        patient.stranger("--restart", "always", GOOD, "false", service="restless") as restless,
        patient.stranger(*greedy, service="greedy") as killed,
    ):
        patient.stack.until(lambda: patient.state(ill, ".State.Health.Status") == "unhealthy")
        patient.stack.until(lambda: int(patient.state(restless, ".RestartCount")) > 3)
        patient.stack.until(lambda: known_as_killed_for_memory(place, killed))
        patient.stack.until(lambda: "held" in patient.stack.docker("logs", full))
        report = patient.examine()
    assert found(report, "fail", "warn") == {"ctr.unhealthy", "ctr.orphan", "ctr.restart_loop", "ctr.oom", "ctr.mem"}
    assert full in next(finding.title for finding in report.findings if finding.id == "ctr.mem")
    evidence = {finding.id: finding.evidence for finding in report.findings}
    assert "it hurts" in evidence["ctr.unhealthy"]
    assert "32.0 MiB" in evidence["ctr.oom"]


def test_a_file_system_without_space_and_without_inodes(patient: Patient) -> None:
    """Doctor looks at the file system under the engine's data; here a small one is put in its place, and filled."""
    volume = f"{patient.stack.project}-small"
    small = ("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=1m,nr_inodes=40")
    patient.stack.docker("volume", "create", *small, volume)
    fill = "for n in $(seq 36); do : > /small/$n; done; head -c 1000000 /dev/zero > /small/0; echo full; sleep 120"
    options = ("--label", "com.docker.compose.oneoff=True", "--memory", "64m", "--volume", f"{volume}:/small")
    try:
        with patient.stranger(*options, "--user", "0", GOOD, "sh", "-c", fill) as name:
            patient.stack.until(lambda: "full" in patient.stack.docker("logs", name))
            place = patient.stack.docker("volume", "inspect", "--format", "{{.Mountpoint}}", volume).strip()
            engine = replace(engine_facts(open_stack(patient.project).platform), root=place)
            facts = replace(patient.examine().facts, host=host_facts(engine))
    finally:
        patient.stack.docker("volume", "rm", "--force", volume)
    report = examine(facts, Limits(), selection(only=("host.disk", "host.inodes")))
    assert found(report, "fail") == {"host.disk", "host.inodes"}
    assert place in report.findings[0].title


def test_a_certificate_that_ends_soon(patient: Patient, tmp_path: Path) -> None:
    make = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost")
    files = ("-keyout", str(tmp_path / "privkey.pem"), "-out", str(tmp_path / "fullchain.pem"))
    subprocess.run([*make, *files], check=True, capture_output=True)
    tmp_path.chmod(0o755)
    (tmp_path / "privkey.pem").chmod(0o644)
    stack = patient.stack
    nginx = f"{stack.project}-nginx-1"
    overlay = ":".join([*compose_files(stack), "compose/tls.yml"])
    # Killed, because nginx would wait for keep-alive connections before it ends, and nobody is served here.
    stack.docker("kill", nginx)
    with stack.env(COMPOSE_FILE=overlay, TLS_DIR=str(tmp_path), HTTPS_PORT=str(free_port())):
        stack.compose("up", "--detach", "nginx")
        stack.until(lambda: "ok" in patient.exec("nginx", f"{CONTROL} && echo ok || true"))
        report = patient.examine()
    stack.docker("kill", nginx)
    stack.compose("up", "--detach", "nginx")
    assert found(report, "fail", "warn") == {"tls.expiry"}
