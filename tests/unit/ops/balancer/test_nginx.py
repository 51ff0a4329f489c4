"""Two services of a project change one configuration; tests/engine does it with a real nginx."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

import pytest

from ops.balancer import scripts
from ops.balancer.nginx import Balancer
from ops.balancer.render import render
from ops.events import Event
from ops.models import ExecResult
from ops.notices import OwnFilesRefused
from ops.route import Route
from ops.traffic import Maintenance, Membership, OwnFiles, TrafficSplit, Upstream

WEB, API = Upstream("web", 8000), Upstream("api", 9000, route=Route(path="/api"))


@dataclass
class Nginx:
    """The part of a platform that runs the scripts: LOOK and APPLY, which refuses a change of another text."""

    text: str
    refused: int = 0
    own: str = ""
    lost: int = 0
    """Looks whose output does not arrive."""
    asked: list[str] = field(default_factory=list)
    applied: int = 0

    def ask(self, container: str, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        script = command[2] if command[0] == "sh" else command[-1]
        self.asked.append(script)
        if self.lost:
            self.lost -= 1
            return ExecResult(1, "")
        look = f"nginx version: nginx/1.30.6\n1\n{self.own}{self.text}"
        if script == scripts.LOOK:
            return ExecResult(0, look)
        said = f"{' '.join(command[-2:])} {environment}"
        return ExecResult(3, f"{look}{scripts.LOOKED}0\n{said}" if script == scripts.LOOK_AND_RUN else said)

    def exec(self, container: str, command: list[str], user: str = "", environment: object = None) -> ExecResult:
        assert command[2] == scripts.APPLY
        _, _, before, _, *pieces, _ = command[4:]
        if before and before != sha256(self.text.rstrip("\n").encode()).hexdigest():
            self.refused += 1
            return ExecResult(scripts.CHANGED, "")
        self.text, self.applied = "".join(pieces), self.applied + 1
        return ExecResult(0, f"videa-old-workers \n{self.own}")


@pytest.fixture
def nginx() -> Nginx:
    return Nginx(render(replace(WEB, servers=("web-1",)), 1))


def balancer(nginx: Nginx, service: str) -> Balancer:
    return Balancer(nginx, "nginx", service)  # type: ignore[arg-type]


def test_each_service_changes_its_own_list_after_changes_of_the_other(nginx: Nginx) -> None:
    web, api = balancer(nginx, "web"), balancer(nginx, "api")
    split = TrafficSplit(("api-2",), 25)
    assert web.membership().servers == ("web-1",)
    assert api.membership().everything
    api.apply(replace(API, servers=("api-1",), split=split, others=(WEB,)))
    web.apply(replace(WEB, servers=("web-1", "web-2"), others=(API,)))
    assert nginx.refused == 1  # web had read the text before the change of api
    assert web.membership(remembered=True) == Membership(3, ("web-1", "web-2"))
    assert api.membership() == Membership(3, ("api-1",), ("api-2",))
    assert api.membership().split == split


def test_a_look_and_a_command_need_one_start_in_the_container(nginx: Nginx) -> None:
    web = balancer(nginx, "web")
    membership, answer = web.membership_and_ask(False, ["curl", "up"], {"A": "b"})
    assert membership.servers == ("web-1",)
    assert (answer.code, answer.output) == (3, "curl up {'A': 'b'}")
    assert nginx.asked == [scripts.LOOK_AND_RUN]


def test_a_remembered_look_is_not_repeated_for_a_command(nginx: Nginx) -> None:
    web = balancer(nginx, "web")
    web.look()
    membership, answer = web.membership_and_ask(True, ["curl", "up"])
    assert (membership.servers, answer.output) == (("web-1",), "curl up None")
    assert nginx.asked == [scripts.LOOK, "up"]


def test_a_lost_answer_is_asked_for_again_with_the_command(nginx: Nginx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.balancer.script_runs.RESTART_POLL", 0)
    nginx.lost = 2
    assert balancer(nginx, "web").membership_and_ask(False, ["curl", "up"])[1].code == 3


def test_a_text_that_is_longer_than_an_argument_may_be_arrives_whole(nginx: Nginx) -> None:
    names = tuple(f"web-{number}" for number in range(2000))
    balancer(nginx, "web").apply(replace(WEB, servers=names))
    assert len(nginx.text) > scripts.PIECE
    assert balancer(nginx, "web").membership().servers == names


def test_maintenance_of_the_site_is_seen_and_kept_by_every_service(nginx: Nginx) -> None:
    closed = Maintenance(("10.0.0.0/8",), ("/up",), 60)
    balancer(nginx, "web").maintain(closed)
    api = balancer(nginx, "api")
    assert api.membership().maintenance == closed
    api.apply(replace(API, servers=("api-1",), others=(WEB,)))
    assert balancer(nginx, "web").membership() == Membership(3, ("web-1",), maintenance=closed)


def test_own_files_that_are_left_out_are_told_once(nginx: Nginx) -> None:
    nginx.own = "videa-own:yes\ta.conf: unknown directive\tb.conf: no room\t\n"
    web, events = balancer(nginx, "web"), list[Event]()
    refused = ("a.conf: unknown directive", "b.conf: no room")
    membership = web.membership()
    assert (membership.servers, membership.own) == (("web-1",), OwnFiles(refused, changed=True))
    web.apply(replace(WEB, servers=("web-2",)))
    web.wait_drained(0, events.append)
    web.wait_drained(0, events.append)
    assert events == [OwnFilesRefused(refused)]
    assert web.membership().servers == ("web-2",)
    nginx.own = "videa-own:no\t\n"
    assert web.membership().own == OwnFiles()


def test_the_lists_of_several_services_are_one_change(nginx: Nginx) -> None:
    closed = Maintenance(("10.0.0.0/8",))
    web = balancer(nginx, "web")
    web.maintain(closed)
    web.apply(replace(WEB, servers=("web-2",), others=(API,)), replace(API, servers=("api-1",), others=(WEB,)))
    assert nginx.applied == 2
    assert web.membership() == Membership(3, ("web-2",), maintenance=closed)
    assert balancer(nginx, "api").membership() == Membership(3, ("api-1",), maintenance=closed)
