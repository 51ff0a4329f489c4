"""The kinds of jobs, in a module that is fast to import."""

from __future__ import annotations

from enum import StrEnum

VARIABLE = "VIDEA_JOB"
"""The variable with the job's kind, in the environment of its command."""


class Kind(StrEnum):
    """OPERATION: begins at once; SCHEDULED: begins later; AUTOSCALE: runs permanently. At most one job of each kind."""

    OPERATION = "operation"
    SCHEDULED = "scheduled"
    AUTOSCALE = "autoscale"
