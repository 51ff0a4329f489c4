"""The Compose project, and its service that videa scales."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ops.engine.compose import Compose
from ops.errors import UsageError
from ops.project.config import Pins, Project
from ops.project.managed import Managed
from ops.project.section import read_settings
from ops.route import Address


@pytest.mark.parametrize(("also", "own"), [([], {"IMAGE"}), (["worker"], {"IMAGE", "MODE"})])
def test_variables_that_only_the_service_and_its_followers_read_belong_to_a_release(
    also: list[str], own: set[str]
) -> None:
    settings = read_settings({"service": "web", "also": also})
    project = Project("shop", Path(), Compose((), None, Path(), {}), {}, settings, {}, {})
    services = {
        "web": {"image": "${IMAGE:-web}", "environment": {"MODE": "${MODE}", "DB": "db:${PASSWORD}"}},
        "worker": {"command": ["run", "$MODE"]},
        "db": {"environment": ["PASSWORD=${PASSWORD}"]},
    }
    project.__dict__["_raw"] = {"services": services}  # in place of Compose's output
    assert project.own_variables == own


def test_what_only_a_release_and_its_migration_read_belongs_to_the_release() -> None:
    waits = {"migrate": {"condition": "service_completed_successfully"}, "db": {"condition": "service_started"}}
    services = {
        "web": {"environment": {"SCHEMA": "${SCHEMA}", "DB": "${PASSWORD}"}, "depends_on": waits},
        "migrate": {"environment": {"SCHEMA": "${SCHEMA}", "DB": "${PASSWORD}"}},
        "db": {"environment": {"DB": "${PASSWORD}"}},
    }
    settings = read_settings({"service": "web"})
    project = Project("shop", Path(), Compose((), None, Path(), {}), {}, settings, {}, {})
    project.__dict__["_raw"] = {"services": services}
    assert project.own_variables == {"SCHEMA"}


@pytest.mark.parametrize(
    ("health", "path"),
    [
        ({}, "/"),
        ({"ready": "/"}, "/"),
        ({"ready": "/ping?deep=1", "interval": "2s"}, "/ping?deep=1"),
        ({"live": "/alive"}, "/alive"),
        ({"live": "/alive", "ready": "/ready"}, "/alive"),
    ],
)
def test_requests_through_the_balancer_use_the_liveness_path_or_the_only_one(health: dict[str, str], path: str) -> None:
    written = {"service": "web", "health": health}
    project = Project("shop", Path(), Compose((), None, Path(), {}), {}, read_settings(written), written, {})
    assert project.live_path == path


def test_a_change_of_one_of_several_services_with_requests_must_name_it() -> None:
    sections = {"web": {"service": "web"}, "api": {"service": "api", "route": {"path": "/api", "strip": True}}}
    managed = {name: Managed(read_settings(dict(section)), section) for name, section in sections.items()}
    project = Project("shop", Path(), Compose((), None, Path(), {}), {}, managed["web"].settings, {}, {}, managed)
    with pytest.raises(UsageError, match="which service\\? web, api get requests"):
        _ = project.implied_service
    assert replace(project, default="api").implied_service == "api"
    assert project.default_service == "web"
    assert (project.entrance, project.of("api").entrance) == (Address("", "/"), Address("", "/api/"))


def test_labels_may_be_a_list() -> None:
    project = Project("shop", Path(), Compose((), None, Path(), {}), {}, read_settings({"service": "web"}), {}, {})
    web = {"image": "${IMAGE}", "labels": ["a=b", "videa.release=${RELEASE:-}"], "deploy": {"replicas": "${N:-2}"}}
    project.__dict__["_raw"] = {"services": {"web": web}}
    assert project.pins == Pins(replicas="N", image="IMAGE", release="RELEASE")
