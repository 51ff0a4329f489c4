"""What the engine knows of x-videa is enough to check replicas, and has no commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ops.documents import Kind, load
from ops.errors import ConfigError
from ops.project import outline
from ops.project.managed import Managed
from ops.project.section import read_settings
from tests.unit.ops.fakes import fake_stack

SECTIONS = {
    "web": {"service": "web", "port": 80, "health": {"ready": "/ready", "expect": "200-399", "timeout": "3s"}},
    "api": {"service": "api", "port": 81, "route": {"path": "/api"}, "proxy": {"max_body": "2m"}, "agent": "off"},
    "mail": {"service": "mail", "worker": True, "hooks": {"pre_deploy": "TOKEN=hunter2 migrate"}},
}


def test_what_is_read_has_the_same_settings(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    managed = {name: Managed(read_settings(dict(section)), section) for name, section in SECTIONS.items()}
    web = managed["web"]
    project = replace(stack.project, managed=managed, settings=web.settings, written=web.written, default="")
    outline.record(stack.store, project)
    known = outline.recorded(stack.store, project.name)
    assert known
    assert known.settings == project.settings
    assert (known.services, known.served) == (("web", "api", "mail"), ("web", "api"))
    assert known.of("api").settings == managed["api"].settings
    assert known.routes == project.routes


def test_commands_of_hooks_stay_in_the_file(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    section = {"service": "app", "hooks": {"pre_deploy": "TOKEN=hunter2 migrate"}}
    outline.record(stack.store, replace(stack.project, written=section))
    assert b"hunter2" not in load(stack.store, Kind.OUTLINE, stack.project.name)


def test_the_same_section_is_not_written_again(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    for _ in range(3):
        outline.record(stack.store, stack.project)
    assert [document.version for document in stack.store.documents.values()] == [1]


def test_there_may_be_none(tmp_path: Path) -> None:
    assert outline.recorded(fake_stack(tmp_path).store, "shop") is None


@pytest.mark.parametrize(
    "content", [b"{", b'{"sections": {}}', b'{"sections": {"app": {"service": "app", "later": 1}}}']
)
def test_one_of_another_version_is_no_traceback(content: bytes) -> None:
    with pytest.raises(ConfigError, match="another version of videa"):
        outline.parse(content, "shop")


def test_it_is_bounded(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    section = {"service": "app", "health": {"headers": {f"X-{number}": "x" * 1000 for number in range(70)}}}
    with pytest.raises(ConfigError, match="bytes"):
        outline.record(stack.store, replace(stack.project, written=section))
