"""What replicas say of themselves: requests under way, and what is wrong with them."""

from __future__ import annotations

from ops.rollout.own_metrics import LASTING, Complaints, Figures, Link, Pool, ReadReplica, new_faults, read

WELL, NO_REDIS = Figures(), Figures(redis=Link(up=False))


def test_all_replicas_count_and_who_says_nothing_does_not() -> None:
    lines = [
        '{"in_flight": 3, "unanswered_seconds": [7.5, 0.2]} http://app-1:3001/m',
        " http://app-2:3001/m",
        "<html>404</html> http://app-3:3001/m",
        '{"other": 1} http://app-4:3001/m',
        "[1] http://app-5:3001/m",
        '{"unanswered_seconds": "many"} http://app-6:3001/m',
        '{"redis": {"up": false}, "pool": {"limit": 5, "waiting": 2}} http://app-7:3001/m',
    ]
    told = read("\n".join(lines))
    assert set(told) == {"app-1", "app-4", "app-7"}
    assert told["app-1"].unanswered_seconds == [7.5, 0.2]
    assert not told["app-4"].complaints
    assert len(told["app-7"].complaints) == 2
    assert read("") == {}


def test_a_read_replica_that_was_never_configured_is_not_missed() -> None:
    assert not Figures(replica=ReadReplica(configured=False, usable=False)).complaints
    assert Figures(replica=ReadReplica(configured=True, usable=False)).complaints
    assert Figures(pool=Pool(waiting=1)).complaints


def test_only_a_complaint_that_lasts_counts() -> None:
    complaints = Complaints()
    for _ in range(LASTING - 1):
        assert not complaints.lasting({"app-1": NO_REDIS})
    assert not complaints.lasting({"app-1": WELL})
    for _ in range(LASTING - 1):
        assert not complaints.lasting({"app-1": NO_REDIS, "app-2": WELL})
    assert [name for name, _ in complaints.lasting({"app-1": NO_REDIS, "app-2": WELL})] == ["app-1"]
    assert not complaints.lasting({})


def test_what_stable_suffers_from_too_is_not_the_releases_fault() -> None:
    lasting = [("app-3", "it cannot use Redis")]
    assert new_faults(lasting, {"app-1": WELL}) == ["app-3 reports: it cannot use Redis; stable does not report it"]
    assert not new_faults(lasting, {"app-1": WELL, "app-2": NO_REDIS})
    assert not new_faults(lasting, {})
