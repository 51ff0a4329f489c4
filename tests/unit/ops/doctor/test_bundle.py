"""What a bundle knows to be secret: wherever the project and its containers are configured."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from ops.doctor.bundle import write_bundle
from ops.models import Container
from ops.platform.ports import Platform
from tests.unit.ops.doctor.stack import report_on
from tests.unit.ops.fakes import fake_stack

LOG = "it said {} and no more\n"
SECRETS = (
    "in-dotenv-1",
    "in-service-2",
    "in-command-3",
    "in-check-4",
    "in-label-5",
    "in-file-6",
    "in-shell-7",
    "in-cmd-8",
)


@dataclass(frozen=True)
class Containers:
    """One container whose log tells every secret, without any hint."""

    config: Mapping[str, Any]

    def details(self) -> list[tuple[Container, Mapping[str, Any]]]:
        one = Container("1", "shop-sidecar-1", "sidecar", "running", "none", "x", 0, 0, oom_killed=False)
        return [(one, {"Name": one.name, "State": {}, "Image": "x", "Config": self.config})]

    def recent_log(self, container: str, since: float, lines: int) -> str:
        return LOG.format(" ".join(SECRETS))


def test_what_is_configured_anywhere_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = fake_stack(tmp_path).project
    project.env_file.write_text(project.env_file.read_text() + "MAIL_PASS=in-dotenv-1\n")
    (tmp_path / "file").write_text("in-file-6\n")
    monkeypatch.setenv("FROM_SHELL", "in-shell-7")
    service = {
        "environment": {"SMTP_PWD": "in-service-2"},
        "command": ["redis-server", "--requirepass", "in-command-3"],
        "healthcheck": {"test": ["CMD-SHELL", "redis-cli -a in-check-4 ping"]},
        "labels": {"app.token": "in-label-5"},
    }
    model = {
        **project.model,
        "services": {**project.model["services"], "sidecar": service},
        "secrets": {"a": {"file": "file"}, "b": {"environment": "FROM_SHELL"}, "ca": {"file": "missing"}},
    }
    there = Containers({"Cmd": ["mysqladmin", "-pin-cmd-8"], "Env": ["PORT=80"]})
    target = tmp_path / "bundle.tar.gz"
    write_bundle(target, replace(project, model=model), cast(Platform, there), report_on())
    with tarfile.open(target) as archive:
        files = {name: archive.extractfile(name) for name in archive.getnames()}
        texts = {name: file.read().decode() for name, file in files.items() if file}
    assert not [(name, secret) for name, text in texts.items() for secret in SECRETS if secret in text]
    assert texts["logs/shop-sidecar-1.log"].count("<hidden-") == len(SECRETS)
    assert '"PORT": "80"' in texts["containers.json"]
