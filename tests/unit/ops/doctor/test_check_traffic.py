"""The checks of nginx's log and certificate, on facts."""

from __future__ import annotations

import pytest

from ops.balancer.access_log import Line
from ops.doctor.collectors.traffic import summarise
from ops.doctor.facts import CertificateFacts
from ops.doctor.facts_balancer import Traffic
from tests.unit.ops.doctor.stack import NOW, balancer, reported

DAY = 86400


@pytest.mark.parametrize(
    ("traffic", "expected"),
    [
        (Traffic(60, 100, 6), [("lb.5xx", "fail")]),
        (Traffic(60, 100, 5), []),
        (Traffic(60, 19, 19), []),
        (Traffic(60, 100, 0, p99=3.1), [("lb.p99", "warn")]),
        (Traffic(60, 100, 0, retried={"10.0.0.3:3001": 3}), [("lb.ejecting", "warn")]),
        (Traffic(60, 100, 0, proxied={"10.0.0.1": 99}), []),
        (Traffic(60, 110, 0, proxied={"10.0.0.1": 100, "10.0.0.2": 10}), [("lb.one_client", "warn")]),
        (Traffic(60, 250, 0, proxied={"10.0.0.1": 100, "10.0.0.2": 150}), []),
        (Traffic(60, 1000, 0), []),
        (Traffic(60, 0, 0), []),
    ],
)
def test_traffic(traffic: Traffic, expected: list[tuple[str, str]]) -> None:
    assert reported(traffic=traffic) == expected


@pytest.mark.parametrize(
    ("days", "expected"),
    [(21, []), (19, [("tls.expiry", "warn")]), (2, [("tls.expiry", "fail")]), (-1, [("tls.expiry", "fail")])],
)
def test_the_certificate(days: float, expected: list[tuple[str, str]]) -> None:
    assert reported(balancer=balancer(tls_expires=NOW + days * 86400)) == expected


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        (CertificateFacts("a.example", NOW - 60 * DAY, NOW + 30 * DAY, NOW), []),
        (CertificateFacts("a.example", NOW - 60 * DAY, NOW + 30 * DAY, NOW, 1, "connection: refused"), ["warn"]),
        (CertificateFacts("a.example", NOW - 62 * DAY, NOW + 28 * DAY, NOW - 2 * DAY), ["warn"]),
        (CertificateFacts("a.example", NOW - 88 * DAY, NOW + 2 * DAY, NOW - 28 * DAY, 99, "dns"), ["fail"]),
        (CertificateFacts("a.example", NOW - 4 * DAY, NOW + 2 * DAY, NOW, 1, "dns"), ["warn"]),
        (CertificateFacts("a.example", NOW - 91 * DAY, NOW - DAY, NOW - 31 * DAY), ["fail"]),
        (CertificateFacts("a.example", None, None), ["warn"]),
        (CertificateFacts("a.example", None, None, NOW, 1, "dns"), ["fail"]),
    ],
)
def test_the_renewal_of_a_certificate(certificate: CertificateFacts, expected: list[str]) -> None:
    assert reported(certificates=[certificate]) == [("tls.renewal", severity) for severity in expected]


def test_the_log_of_a_minute() -> None:
    lines = [
        Line(1.0, 200, 0.01, path="/api/v1/titles", upstream="10.0.0.2:3001"),
        Line(1.0, 200, 1.2, path="/api/v1/titles", upstream="10.0.0.3:3001, 10.0.0.2:3001"),
        Line(1.0, 200, 0.01, path="/", upstream="backend : 10.0.0.2:3001"),
        Line(1.0, 502, 0.01, path="/api/v1/titles", upstream="10.0.0.3:3001"),
        Line(1.0, 503, 0.01, path="/health/ready", upstream="10.0.0.3:3001"),
        Line(1.0, 200, 9.0, path="/", upstream="10.0.0.3:3001", request_id="videa-doctor-0f"),
        Line(1.0, 502, 0.01, path="/api/v1/titles", upstream="10.0.0.3:3001", request_id="videa-doctor-0f"),
    ]
    traffic = summarise(lines, health=["/health/ready?deep=1", "/"])
    assert (traffic.requests, traffic.errors, traffic.p99) == (5, 2, 1.2)
    # The name of a group, which had no server left, is no replica.
    assert traffic.retried == {"10.0.0.3:3001": 1}


def test_what_a_replica_has_failed_before_its_start_is_over() -> None:
    lines = [
        Line(at, 200, 0.01, path="/titles", upstream=f"{failed}:3001, 10.0.0.2:3001")
        for at, failed in ((9.0, "10.0.0.3"), (11.0, "10.0.0.3"), (11.0, "10.0.0.9"))
    ]
    assert summarise(lines, started={"10.0.0.2": 1.0, "10.0.0.3": 10.0}).retried == {"10.0.0.3:3001": 1}


def test_the_addresses_that_name_other_clients_without_being_trusted() -> None:
    lines = [Line(1.0, 200, 0.01, remote=address, untrusted=int(address > "b")) for address in "cabccadef"]
    traffic = summarise([*lines, *[Line(1.0, 200, 0.01, remote=str(n), untrusted=1) for n in range(9)]])
    assert list(traffic.proxied.items())[:1] == [("c", 3)]
    assert len(traffic.proxied) == 5
