"""Faults of containers, made with the engine; doctor names them and no other failure."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from bench.stack import free_port
from tests.engine.conftest import GOOD, OTHER
from tests.engine.doctor.conftest import Patient, failures, roots, warnings


def test_a_container_near_its_memory(patient: Patient) -> None:
    nginx = f"{patient.stack.project}-nginx-1"
    patient.exec("nginx", "dd if=/dev/zero of=/tmp/fault bs=1M count=55 2>/dev/null")
    try:
        patient.stack.docker("update", "--memory", "80m", "--memory-swap", "80m", nginx)
        report = patient.examine(memory_warn=0.6, memory_fail=0.65)
    finally:
        patient.exec("nginx", "rm /tmp/fault")
        patient.stack.docker("update", "--memory", "256m", "--memory-swap", "512m", nginx)
    assert failures(report) == {"ctr.mem"}
    assert nginx in report.findings[0].title


def test_a_container_held_back_by_its_quota(patient: Patient) -> None:
    redis = f"{patient.stack.project}-redis-1"
    patient.stack.docker("update", "--cpus", "0.2", redis)
    patient.exec("redis", "timeout 8 sh -c 'while :; do :; done'", detach=True)
    time.sleep(0.5)
    report = patient.examine()
    patient.stack.docker("update", "--cpus", "1", redis)
    seen = {finding.id: finding for finding in report.findings if finding.subject == redis}
    assert failures(report) == set()
    assert set(seen) == {"ctr.cpu", "ctr.throttled"}
    assert seen["ctr.throttled"].cause == "ctr.cpu"


def test_a_container_that_is_unhealthy_and_left_over(patient: Patient) -> None:
    sick = ("--health-cmd", "echo it hurts; exit 1", "--health-interval", "1s", "--health-retries", "1")
    with patient.stranger(*sick, GOOD, "sleep", "120") as name:
        patient.stack.until(lambda: patient.state(name, ".State.Health.Status") == "unhealthy")
        report = patient.examine()
    assert failures(report) == {"ctr.unhealthy"}
    assert warnings(report) == {"ctr.orphan"}
    assert "it hurts" in report.findings[0].evidence


def test_a_container_that_starts_again_and_again(patient: Patient) -> None:
    with patient.stranger("--restart", "always", GOOD, "false") as name:
        patient.stack.until(lambda: int(patient.state(name, ".RestartCount")) > 3)
        report = patient.examine()
    assert failures(report) == {"ctr.restart_loop"}


def test_a_container_killed_for_its_memory(patient: Patient) -> None:
    greedy = ("--memory", "32m", "--memory-swap", "32m", GOOD, "python", "-c", "x = 'x' * 10**9")
    with patient.stranger(*greedy) as name:
        patient.stack.until(lambda: patient.state(name, ".State.Status") == "exited")
        report = patient.examine()
    assert failures(report) == {"ctr.oom"}
    assert "32.0 MiB" in report.findings[0].evidence


def test_a_replica_started_by_hand_with_another_image(patient: Patient) -> None:
    up = ("up", "--detach", "--no-deps", "--no-recreate", "--wait", "--scale", "backend=3", "backend")
    env_file = patient.stack.directory / ".env"
    kept = env_file.read_text()
    env_file.write_text(kept.replace(f"BACKEND_IMAGE={GOOD}", f"BACKEND_IMAGE={OTHER}"))
    try:
        patient.stack.compose(*up)
        report = patient.examine()
    finally:
        env_file.write_text(kept)
        patient.stack.done("scale", "2")
    assert "ctr.image_skew" in warnings(report)
    # Nobody has told nginx of it either, which is another fault.
    assert roots(report) <= {"lb.config"}


def test_a_certificate_that_ends_soon(patient: Patient, tmp_path: Path) -> None:
    make = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost")
    files = ("-keyout", str(tmp_path / "privkey.pem"), "-out", str(tmp_path / "fullchain.pem"))
    subprocess.run([*make, *files], check=True, capture_output=True)
    tmp_path.chmod(0o755)
    (tmp_path / "privkey.pem").chmod(0o644)
    env_file = patient.stack.directory / ".env"
    kept = env_file.read_text()
    lines = [f"{line}:compose/tls.yml" if line.startswith("COMPOSE_FILE=") else line for line in kept.splitlines()]
    env_file.write_text("\n".join([*lines, f"TLS_DIR={tmp_path}", f"HTTPS_PORT={free_port()}"]) + "\n")
    try:
        patient.stack.compose("up", "--detach", "--wait", "nginx")
        report = patient.examine()
    finally:
        env_file.write_text(kept)
        patient.stack.compose("up", "--detach", "--wait", "nginx")
    assert failures(report) == {"tls.expiry"}
