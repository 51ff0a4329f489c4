"""Two faults at a time, on the real stack: both are named. `python -m bench.doctor_pairs` does all pairs of ten."""

from __future__ import annotations

import pytest

from bench.doctor_pairs import MOMENT
from bench.faults import FAULTS, Place
from tests.engine.doctor.conftest import Patient, examined, found

PAIRS = [("pg.conn_high", "redis.down"), ("ctr.mem", "lb.stale")]
"""Four of the five groups; test_faults_app.py has faults of the fifth beside others, test_two_faults.py all pairs."""


@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_both_are_named(patient: Patient, pair: tuple[str, str]) -> None:
    place = Place(patient.stack.project, patient.stack.directory)
    one, other = (FAULTS[fault] for fault in pair)
    with one(place), other(place):
        report = examined(patient.project, MOMENT)
    # Of the replica that was started by hand nginx has not been told either.
    assert found(report) - {"lb.config"} == set(pair)
