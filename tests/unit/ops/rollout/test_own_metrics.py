"""The replicas' own metrics: unanswered requests and complaints."""

from __future__ import annotations

from ops.rollout.own_metrics import LASTING, Complaints, Figures, Link, Pool, ReadReplica, new_faults, read

HEALTHY, NO_REDIS = Figures(), Figures(redis=Link(up=False))


def test_every_replica_with_valid_metrics_is_read() -> None:
    lines = [
        '{"in_flight": 3, "unanswered_seconds": [7.5, 0.2]} http://app-1:3001/m',
        " http://app-2:3001/m",
        "<html>404</html> http://app-3:3001/m",
        '{"other": 1} http://app-4:3001/m',
        "[1] http://app-5:3001/m",
        '{"unanswered_seconds": "many"} http://app-6:3001/m',
        '{"redis": {"up": false}, "pool": {"limit": 5, "waiting": 2}} http://app-7:3001/m',
    ]
    figures = read("\n".join(lines))
    assert set(figures) == {"app-1", "app-4", "app-7"}
    assert figures["app-1"].unanswered_seconds == [7.5, 0.2]
    assert not figures["app-4"].complaints
    assert len(figures["app-7"].complaints) == 2
    assert read("") == {}


def test_a_read_replica_that_is_not_configured_is_no_complaint() -> None:
    assert not Figures(replica=ReadReplica(configured=False, usable=False)).complaints
    assert Figures(replica=ReadReplica(configured=True, usable=False)).complaints
    assert Figures(pool=Pool(waiting=1)).complaints


def test_only_a_lasting_complaint_counts() -> None:
    complaints = Complaints()
    for _ in range(LASTING - 1):
        assert not complaints.lasting({"app-1": NO_REDIS})
    assert not complaints.lasting({"app-1": HEALTHY})
    for _ in range(LASTING - 1):
        assert not complaints.lasting({"app-1": NO_REDIS, "app-2": HEALTHY})
    assert [name for name, _ in complaints.lasting({"app-1": NO_REDIS, "app-2": HEALTHY})] == ["app-1"]
    assert not complaints.lasting({})


def test_a_complaint_that_stable_has_too_is_not_a_fault_of_the_release() -> None:
    lasting = [("app-3", "it cannot use Redis")]
    assert new_faults(lasting, {"app-1": HEALTHY}) == ["app-3 reports: it cannot use Redis; stable does not report it"]
    assert not new_faults(lasting, {"app-1": HEALTHY, "app-2": NO_REDIS})
    assert not new_faults(lasting, {})
