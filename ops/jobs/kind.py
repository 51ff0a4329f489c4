"""The kinds of jobs, without anything that takes time to import."""

from __future__ import annotations

from enum import StrEnum

VARIABLE = "VIDEA_JOB"
"""In the environment of the command that a job runs: its kind."""


class Kind(StrEnum):
    """OPERATION: begins at once; SCHEDULED: an operation that begins later; AUTOSCALE: stays. At most one of each."""

    OPERATION = "operation"
    SCHEDULED = "scheduled"
    AUTOSCALE = "autoscale"
