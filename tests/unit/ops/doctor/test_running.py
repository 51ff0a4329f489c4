"""Without the Compose file, the doctor finds the databases by what the containers have."""

from __future__ import annotations

from ops.contract import DATABASE
from ops.doctor.collectors.services import locate
from ops.doctor.running import with_containers
from ops.models import Container
from ops.project import outline


def container(service: str, oneoff: bool = False) -> Container:
    return Container(service, service, service, "running", "none", "image", 0, 0, False, oneoff=oneoff)


def test_the_database_is_found_by_the_alias_of_its_container() -> None:
    project = outline.parse(b'{"sections": {"web": {"service": "web"}}}', "shop")
    assert project
    web = {"Name": "/shop-web-1", "Config": {"Env": [f"{DATABASE}=postgresql://u:p@main-db/app"]}}
    database = {
        "Name": "/shop-db-1",
        "Config": {"Env": None},
        "NetworkSettings": {"Networks": {"shop_data": {"Aliases": ["main-db"]}}},
    }
    details = [(container("web"), web), (container("db"), database), (container("tool", oneoff=True), database)]
    known = with_containers(project, details)
    assert sorted(known.model["services"]) == ["db", "web"]
    assert locate(known, DATABASE).services == ["db"]
