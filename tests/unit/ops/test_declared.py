"""Each replica is probed as its own release declares, independent of the current Compose file."""

from __future__ import annotations

from ops import declared
from ops.declared import Declaration, Probe, best, observed, probes
from ops.models import ProbeResult
from tests.unit.ops.fakes.store import FakeStore

FILE = Declaration(3002, "/new/live", "/new/ready")
BEFORE = Declaration(3001, "/old/live", "/old/ready")
UNKNOWN = Declaration(3001, "", "")
OK = ProbeResult(True, 200, 0.01, "")
SILENT = ProbeResult(False, 0, 2.0, "timed out")


def answered(status: int) -> ProbeResult:
    return ProbeResult(False, status, 0.01, f"status {status}")


def test_the_declaration_of_the_release_takes_precedence_over_the_file() -> None:
    assert probes(BEFORE, FILE, 3002) == (Probe(3001, "/old/ready"),)
    assert probes(BEFORE, FILE, None, live=True) == (Probe(3001, "/old/live"),)
    assert probes(BEFORE, FILE, None, starting=True) == (Probe(3001, "/old/ready"),)


def test_without_a_declaration_the_file_comes_first_and_then_the_balancers_port() -> None:
    assert probes(None, FILE, None) == (Probe(3002, "/new/ready"),)
    assert probes(None, FILE, 3001) == (Probe(3002, "/new/ready"), Probe(3001, "/new/ready", lenient=True))


def test_a_listed_replica_is_ready_unless_it_answers_a_server_error() -> None:
    strict, lenient = probes(None, FILE, 3001)
    assert best([(strict, SILENT), (lenient, answered(404))]).ok
    assert best([(strict, SILENT), (lenient, answered(302))]).ok
    assert not best([(strict, SILENT), (lenient, answered(503))]).ok
    assert not best([(strict, answered(503)), (lenient, SILENT)]).ok
    assert best([(strict, answered(503)), (lenient, SILENT)]).reason == "status 503"


def test_the_probe_of_a_declared_path_is_strict() -> None:
    (probe,) = probes(BEFORE, FILE, 3001)
    assert not best([(probe, answered(404))]).ok
    assert best([(probe, OK)]).ok


def test_a_starting_replica_is_not_ready_just_because_it_accepts_connections() -> None:
    for declaration in (None, UNKNOWN):
        (probe,) = probes(declaration, FILE, 3001, starting=True)
        assert probe == Probe(3002, "/new/ready")
        assert not best([(probe, answered(404))]).ok


def test_with_an_unknown_path_any_answer_is_good_even_if_the_replica_is_not_listed() -> None:
    (probe,) = probes(UNKNOWN, FILE, None)
    assert (probe.port, best([(probe, answered(404))]).ok, best([(probe, SILENT)]).ok) == (3001, True, False)


def test_the_declaration_that_answers_show() -> None:
    strict, lenient = probes(None, FILE, 3001)
    assert observed([(strict, OK), (lenient, SILENT)], FILE) == FILE
    assert observed([(strict, SILENT), (lenient, OK)], FILE) == Declaration(3001, "/new/live", "/new/ready")
    assert observed([(strict, SILENT), (lenient, answered(404))], FILE) == UNKNOWN
    assert observed([(strict, SILENT), (lenient, answered(500))], FILE) is None


def test_releases_with_any_name_are_recorded_and_later_records_replace_earlier_ones() -> None:
    """The engine refuses container names with a slash or a space."""
    store = FakeStore()
    for release in ("4f2a", "feature/new player", "x" * 300):
        declared.record(store, "p", "app", release, FILE)
        declared.record(store, "p", "app", release, BEFORE)
    assert declared.read(store, "p", "app") == dict.fromkeys(("4f2a", "feature/new player", "x" * 300), BEFORE)
    declared.forget(store, "p", "app", ["4f2a"])
    assert declared.read(store, "p", "app").keys() == {"4f2a"}
