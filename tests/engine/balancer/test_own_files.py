"""The user's own files for nginx: served where nginx accepts them, and never in the way of what videa writes."""

from __future__ import annotations

from pathlib import Path

from ops.events import Event
from ops.notices import OwnFilesRefused
from ops.traffic import Maintenance
from tests.engine.balancer.conftest import Bench

REFUSED = ('top.conf: "return" is only allowed in a location', 'bad.conf: unknown directive "proxi_pass" in bad.conf:1')


def test_a_refused_own_file_costs_neither_the_list_nor_a_closed_site(bare: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "hello.conf").write_text("location = /hello { return 200 mine; }\n")
    own = {str(folder): {"bind": "/etc/nginx/own", "mode": "ro"}}
    bare.start_nginx(volumes={bare.network.name: {"bind": "/etc/nginx/videa"}, **own})
    bare.start("one")
    assert bare.get("/hello")[:2] == (200, "mine")

    (folder / "bad.conf").write_text("location /x { proxi_pass http://one; }\n")
    (folder / "top.conf").write_text("return 204;\n")
    balancer, events = bare.balancer, list[Event]()
    assert balancer.membership().own.changed
    balancer.apply(bare.upstream("one"))
    balancer.maintain(Maintenance())
    balancer.wait_drained(10, events.append)
    assert events == [OwnFilesRefused(REFUSED)]
    assert (bare.get("/")[0], bare.get("/hello")[1]) == (503, "mine")

    bare.nginx.restart()
    bare.until(lambda: bare.get("/hello")[1] == "mine")
    membership = bare.balancer.membership()
    assert (membership.servers, membership.maintenance) == ((bare.name("one"),), Maintenance())
    assert (membership.own.refused, membership.own.changed) == (REFUSED, False)
    assert bare.get("/")[0] == 503
