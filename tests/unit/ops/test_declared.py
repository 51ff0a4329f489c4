"""Each replica is probed as its own release declares, independent of the current Compose file."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ops import declared
from ops.declared import Declaration, best, candidates, observed, unknown
from ops.models import ProbeResult
from ops.probes import ANY_ANSWER, ContainerCheck, GrpcHealth, Http, Statuses, TcpConnect, read_statuses
from tests.unit.ops.fakes.store import FakeStore

FILE = Declaration(3002, "/new/live", "/new/ready")
BEFORE = Declaration(3001, "/old/live", "/old/ready")
UNKNOWN = Declaration(3001, known=False)
NO_PATH = Declaration(3002)
OK = ProbeResult(True, 200, 0.01, "")
SILENT = ProbeResult(False, 0, 2.0, "timed out")


def answered(status: int) -> ProbeResult:
    return ProbeResult(False, status, 0.01, f"status {status}")


@pytest.mark.parametrize("has_check", [True, False], ids=["check", "no check"])
def test_a_declared_path_is_asked_and_stands_for_the_other(has_check: bool) -> None:
    assert FILE.probe(True, has_check) == Http(3002, "/new/live")
    assert FILE.probe(False, has_check) == Http(3002, "/new/ready")
    for one in (Declaration(1, live="/a"), Declaration(1, ready="/a")):
        assert {one.probe(live, has_check) for live in (True, False)} == {Http(1, "/a")}


def test_without_a_path_the_containers_own_check_decides_or_a_connection() -> None:
    for live in (True, False):
        assert NO_PATH.probe(live, has_check=True) == ContainerCheck()
        assert NO_PATH.probe(live, has_check=False) == TcpConnect(3002)
        assert replace(NO_PATH, probe_port=9000).probe(live, has_check=False) == TcpConnect(9000)


def test_a_server_of_grpc_is_asked_for_its_own_health() -> None:
    server = replace(NO_PATH, grpc=True)
    assert server.probe(live=False, has_check=True) == ContainerCheck()
    assert server.probe(live=False, has_check=False) == GrpcHealth(3002)
    assert replace(server, ready="/ready", probe_port=9000).probe(live=False, has_check=False) == Http(9000, "/ready")


def test_the_request_is_as_declared() -> None:
    headers, expect = (("Host", "shop.example"),), (Statuses("200-399"),)
    declaration = replace(FILE, probe_port=9000, headers=headers, expect=expect)
    assert declaration.probe(False, True) == Http(9000, "/new/ready", headers, expect)


def test_the_declaration_of_the_release_takes_precedence_over_the_file() -> None:
    for listed, starting in ((3002, False), (None, False), (None, True)):
        assert candidates(BEFORE, FILE, listed, starting) == (BEFORE,)


def test_without_a_declaration_the_file_comes_first_and_then_the_balancers_port() -> None:
    there = replace(FILE, port=3001)
    assert candidates(None, FILE, None) == (FILE,)
    assert candidates(None, FILE, 3001) == (FILE, there, unknown(3001, FILE))
    assert candidates(None, FILE, 3002) == (FILE, unknown(3002, FILE))


def test_a_probe_that_does_not_use_the_port_of_the_requests_says_nothing_about_it() -> None:
    """The balancer would send the old replicas' requests to the new file's port."""
    assert candidates(None, NO_PATH, 3001) == (replace(NO_PATH, port=3001),)
    admin = replace(FILE, probe_port=9000)
    assert candidates(None, admin, 3001) == (replace(admin, port=3001), unknown(3001, admin))


def test_a_listed_replica_is_ready_unless_it_answers_a_server_error() -> None:
    lenient = unknown(3001, FILE)
    assert lenient.probe(False, True) == Http(3001, "/new/ready", expect=ANY_ANSWER)
    assert unknown(3001, NO_PATH).probe(False, True) == Http(3001, "/", expect=ANY_ANSWER)
    assert not Http(1, "/", expect=ANY_ANSWER).admits(503)
    assert best([(FILE, SILENT), (lenient, OK)]).ok
    assert best([(FILE, answered(503)), (lenient, SILENT)]).reason == "status 503"


def test_a_starting_replica_is_not_ready_just_because_it_accepts_connections() -> None:
    for declaration in (None, UNKNOWN):
        assert candidates(declaration, FILE, 3001, starting=True) == (FILE,)


def test_with_an_unknown_path_any_answer_is_good_even_if_the_replica_is_not_listed() -> None:
    assert candidates(UNKNOWN, FILE, None) == (unknown(3001, FILE),)


def test_the_declaration_that_answers_show() -> None:
    there, lenient = replace(FILE, port=3001), unknown(3001, FILE)
    assert observed([(FILE, OK), (there, SILENT), (lenient, SILENT)]) == FILE
    assert observed([(FILE, SILENT), (there, OK), (lenient, OK)]) == Declaration(3001, "/new/live", "/new/ready")
    assert observed([(FILE, SILENT), (there, answered(404)), (lenient, OK)]) == lenient
    assert observed([(FILE, answered(404))]) == Declaration(3002, known=False)
    assert observed([(FILE, SILENT), (there, answered(500)), (lenient, answered(500))]) is None


def test_releases_with_any_name_are_recorded_and_later_records_replace_earlier_ones() -> None:
    """The engine refuses container names with a slash or a space."""
    store = FakeStore()
    for release in ("4f2a", "feature/new player", "x" * 300):
        declared.record(store, "p", "app", release, FILE)
        declared.record(store, "p", "app", release, BEFORE)
    assert declared.read(store, "p", "app") == dict.fromkeys(("4f2a", "feature/new player", "x" * 300), BEFORE)
    declared.forget(store, "p", "app", ["4f2a"])
    assert declared.read(store, "p", "app").keys() == {"4f2a"}


def test_a_record_has_everything_that_a_probe_needs() -> None:
    store = FakeStore()
    full = Declaration(1, "/l", "/r", 9000, (("Host", "a"),), (Statuses("200-399"), Statuses("401")))
    for release, declaration in (("full", full), ("check", NO_PATH), ("unknown", unknown(3001, FILE))):
        declared.record(store, "p", "app", release, declaration)
    assert declared.read(store, "p", "app") == {"full": full, "check": NO_PATH, "unknown": UNKNOWN}


def test_a_record_of_an_older_videa_is_read() -> None:
    store = FakeStore()
    for release, path in (("a", "/ready"), ("b", "")):
        labels = {"of": "p/app", "release": release, "port": "80", "live": path, "ready": path}
        store.create(f"record-{release}", {f"videa.declared.{key}": value for key, value in labels.items()})
    known, lenient = Declaration(80, "/ready", "/ready"), Declaration(80, known=False)
    assert declared.read(store, "p", "app") == {"a": known, "b": lenient}


@pytest.mark.parametrize("value", ["", "20", "600", "200-", "399-200", "2xx", True, None, "200-399-400", "٢٠٠"])
def test_what_is_no_status_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not a status or a range"):
        read_statuses(value)
