"""Reads a container's usage from the kernel's files of both cgroup versions."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from ops.engine import cgroups
from ops.engine.client import Engine
from ops.models import Container, Usage

V1 = "5:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n"
V2 = "0::/system.slice/docker-abc.scope\n"


def test_version_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory, cpu = tmp_path / "memory/docker/abc", tmp_path / "cpuacct/docker/abc"
    memory.mkdir(parents=True)
    cpu.mkdir(parents=True)
    (memory / "memory.usage_in_bytes").write_text("5000\n")
    (memory / "memory.stat").write_text("cache 1\ntotal_inactive_file 2000\n")
    (cpu / "cpuacct.usage").write_text("1500000000\n")
    scheduler = tmp_path / "cpu/docker/abc"
    scheduler.mkdir(parents=True)
    (scheduler / "cpu.stat").write_text("nr_periods 40\nnr_throttled 10\nthrottled_time 5\n")
    monkeypatch.setattr(cgroups, "CGROUPS", tmp_path)
    assert cgroups._version_1(cgroups._groups(V1)) == cgroups.Reading(1.5, 3000, 40, 10)
    (memory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert cgroups._version_1(cgroups._groups(V1)).oom_kills == 2
    (memory / "memory.stat").write_text("total_shmem 700\ntotal_inactive_file 2000\n")
    processes = tmp_path / "pids/docker/abc"
    processes.mkdir(parents=True)
    (processes / "pids.current").write_text("9\n")
    (processes / "pids.events").write_text("max 4\n")
    groups = cgroups._groups(V1 + "2:pids:/docker/abc\n")
    assert cgroups._version_1(groups) == cgroups.Reading(1.5, 3000, 40, 10, shared=700, pids=9, refused=4, oom_kills=2)


def test_version_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = tmp_path / "system.slice/docker-abc.scope"
    group.mkdir(parents=True)
    (group / "memory.current").write_text("5000\n")
    (group / "memory.stat").write_text("anon 1\ninactive_file 2000\n")
    (group / "cpu.stat").write_text("usage_usec 1500000\nnr_periods 40\nnr_throttled 10\n")
    monkeypatch.setattr(cgroups, "CGROUPS", tmp_path)
    assert cgroups._version_2(cgroups._groups(V2)[""]) == cgroups.Reading(1.5, 3000, 40, 10)
    (group / "memory.events").write_text("low 0\noom 3\noom_kill 1\n")
    assert cgroups._version_2(cgroups._groups(V2)[""]).oom_kills == 1
    (group / "memory.stat").write_text("shmem 700\ninactive_file 2000\n")
    (group / "pids.current").write_text("9\n")
    (group / "pids.events").write_text("max 4\n")
    assert cgroups._version_2(V2.strip()[4:]) == cgroups.Reading(
        1.5, 3000, 40, 10, shared=700, pids=9, refused=4, oom_kills=1
    )


LIMITED = Container("abc", "app-1", "app", "running", "none", "app:1", 0, 0, False, cpu_limit=2.0, memory_limit=9000)


def test_usage_is_the_difference_of_two_readings_with_the_containers_limits() -> None:
    before, after = cgroups.Reading(1.0, 3000, 40, 10), cgroups.Reading(2.0, 5000, 60, 15)
    assert cgroups.usage(LIMITED, before, after, seconds=2.0) == Usage(0.5, 2.0, 5000, 9000, 0.25)


def test_forks_that_the_limit_refused_between_two_readings() -> None:
    before, after = (cgroups.Reading(1.0, 3000, 0, 0, pids=9, refused=refused) for refused in (4, 6))
    used = cgroups.usage(LIMITED, before, after, seconds=2.0)
    assert (used.pids, used.refused) == (9, 2)


@pytest.mark.parametrize(("before", "after"), [(61, 9), (9, 61)])
def test_processes_that_come_and_go_are_not_counted(before: int, after: int) -> None:
    readings = [cgroups.Reading(1.0, 3000, 0, 0, pids=pids) for pids in (before, after)]
    assert cgroups.usage(LIMITED, *readings, seconds=2.0).pids == 9


def test_without_a_cpu_limit_nothing_is_throttled() -> None:
    reading = cgroups.Reading(1.0, 3000, 0, 0)
    assert cgroups.usage(LIMITED, reading, reading, seconds=1.0).throttled == 0


def test_another_machine_is_measured_by_the_stats_api(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = {"app-1": Usage(0.5, 2.0, 5000, 9000, 0.0)}
    monkeypatch.setattr(cgroups, "sample", lambda *_: measured)
    assert cgroups.quick_sample(cast("Engine", SimpleNamespace(local=False)), [LIMITED], gap=0.0) == measured
