"""Each replica is asked as its own release declares it, whatever the file says by now."""

from __future__ import annotations

from ops import declared
from ops.declared import Declaration, Way, best, observed, ways
from ops.models import ProbeResult
from tests.unit.ops.fakes.store import FakeStore

FILE = Declaration(3002, "/new/live", "/new/ready")
BEFORE = Declaration(3001, "/old/live", "/old/ready")
UNKNOWN = Declaration(3001, "", "")
OK = ProbeResult(True, 200, 0.01, "")
SILENT = ProbeResult(False, 0, 2.0, "timed out")


def answered(status: int) -> ProbeResult:
    return ProbeResult(False, status, 0.01, f"status {status}")


def test_what_its_release_declares_wins_over_the_file() -> None:
    assert ways(BEFORE, FILE, 3002) == (Way(3001, "/old/ready"),)
    assert ways(BEFORE, FILE, None, live=True) == (Way(3001, "/old/live"),)
    assert ways(BEFORE, FILE, None, starting=True) == (Way(3001, "/old/ready"),)


def test_without_a_declaration_the_file_is_asked_first_and_then_where_the_balancer_asks() -> None:
    assert ways(None, FILE, None) == (Way(3002, "/new/ready"),)
    assert ways(None, FILE, 3001) == (Way(3002, "/new/ready"), Way(3001, "/new/ready", lenient=True))


def test_what_is_listed_and_answers_is_ready_and_what_says_otherwise_is_not() -> None:
    strict, lenient = ways(None, FILE, 3001)
    assert best([(strict, SILENT), (lenient, answered(404))]).ok
    assert best([(strict, SILENT), (lenient, answered(302))]).ok
    assert not best([(strict, SILENT), (lenient, answered(503))]).ok
    assert not best([(strict, answered(503)), (lenient, SILENT)]).ok
    assert best([(strict, answered(503)), (lenient, SILENT)]).reason == "status 503"


def test_a_path_that_is_known_is_taken_at_its_word() -> None:
    (way,) = ways(BEFORE, FILE, 3001)
    assert not best([(way, answered(404))]).ok
    assert best([(way, OK)]).ok


def test_what_starts_is_not_ready_because_it_accepts_connections() -> None:
    for declaration in (None, UNKNOWN):
        (way,) = ways(declaration, FILE, 3001, starting=True)
        assert way == Way(3002, "/new/ready")
        assert not best([(way, answered(404))]).ok


def test_of_what_only_answers_any_answer_stays_good_also_when_it_is_not_listed_any_more() -> None:
    (way,) = ways(UNKNOWN, FILE, None)
    assert (way.port, best([(way, answered(404))]).ok, best([(way, SILENT)]).ok) == (3001, True, False)


def test_what_answers_show_of_a_release() -> None:
    strict, lenient = ways(None, FILE, 3001)
    assert observed([(strict, OK), (lenient, SILENT)], FILE) == FILE
    assert observed([(strict, SILENT), (lenient, OK)], FILE) == Declaration(3001, "/new/live", "/new/ready")
    assert observed([(strict, SILENT), (lenient, answered(404))], FILE) == UNKNOWN
    assert observed([(strict, SILENT), (lenient, answered(500))], FILE) is None


def test_a_record_can_be_made_of_a_release_of_any_name_and_gives_way_to_the_next() -> None:
    """The engine refuses names of containers that have a slash or a blank in them."""
    store = FakeStore()
    for release in ("4f2a", "feature/new player", "x" * 300):
        declared.record(store, "p", "app", release, FILE)
        declared.record(store, "p", "app", release, BEFORE)
    assert declared.read(store, "p", "app") == dict.fromkeys(("4f2a", "feature/new player", "x" * 300), BEFORE)
    declared.forget(store, "p", "app", ["4f2a"])
    assert declared.read(store, "p", "app").keys() == {"4f2a"}
