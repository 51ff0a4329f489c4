"""What is read of a container: marks instead of secrets, and its bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ops.doctor.collectors import containers
from ops.engine.replicas import read


def test_limits_are_read_from_an_environment() -> None:
    details = {
        "Id": "a" * 64,
        "Name": "/app-backend-1",
        "Image": "sha256:1",
        "Created": "2026-11-23T14:00:00Z",
        "State": {"Status": "running", "StartedAt": "2026-11-23T14:00:00.5Z"},
        "Config": {"Image": "app:1", "Env": ["RATE_LIMITS=address=300/60, user=5000/60,login=off"]},
    }
    facts = containers.container_facts(read(details), details, b"key")
    assert facts.rate_limits == {"address": (300, 60), "user": (5000, 60)}


def test_passwords_become_marks_and_a_log_without_a_bound_is_measured(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("12345")
    bound: dict[str, object] = {"LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}}, "PidsLimit": 64}
    details: dict[str, Any] = {
        "Id": "a" * 64,
        "Name": "/app-backend-1",
        "Image": "sha256:1",
        "Created": "2026-11-23T14:00:00Z",
        "State": {"Status": "running", "StartedAt": "2026-11-23T14:00:00.5Z"},
        "Config": {"Image": "app:1", "Env": ["REDIS_URL=redis://me:s%40crt@redis:6379/0", "REDIS_PASSWORD=s@crt"]},
        "HostConfig": {"LogConfig": {"Type": "json-file", "Config": {}}, "PidsLimit": -1},
        "LogPath": str(tmp_path / "log"),
    }
    facts = containers.container_facts(read(details), details, b"key")
    assert facts.passwords["REDIS_URL"] == facts.passwords["REDIS_PASSWORD"] == containers.fingerprint("s@crt", b"key")
    assert (facts.log_size, facts.pids_limit) == (5, None)
    bounded = containers.container_facts(read(details), {**details, "HostConfig": bound}, b"key")
    assert (bounded.log_size, bounded.pids_limit) == (None, 64)
