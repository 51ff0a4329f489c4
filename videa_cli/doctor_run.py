"""One run of the doctor for the agent, in a separate process, so that its memory is freed afterwards.

``python -m videa_cli.doctor_run PROJECT``: stores its observations for trends, and queues notifications about new and
resolved findings. It prints nothing except the reason for a failure. It works with the recorded x-videa and the
containers.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial

from ops.doctor import diagnose
from ops.doctor.report import selection, told
from ops.doctor.running import UNKNOWABLE, with_containers
from ops.errors import VideaError
from ops.factory import connect, in_swarm, open_stack, open_store
from ops.notify.findings import compared
from ops.project import outline
from ops.rollout.under_way import observe

NICENESS = 10


def run(name: str) -> None:
    """Raises EngineError, ConfigError."""
    engine = connect()
    store = open_store(engine, swarm=in_swarm(name, engine))
    project = outline.recorded(store, name)
    if project is None:
        return
    project = with_containers(project, open_stack(project, engine).platform.details())
    report = diagnose(project, partial(open_stack, project, engine), selection(skip=UNKNOWABLE))
    if observe(store, name) != (None, None):  # an operation began meanwhile: its changes are not findings
        return
    found = {each.key: (each.severity.value, each.title) for each in told(report).findings}
    compared(store, project, found, report.checked, time.time())


if __name__ == "__main__":
    os.nice(NICENESS)
    try:
        run(sys.argv[1])
    except VideaError as error:
        sys.stderr.write(f"{error.message}; {error.hint}")
        sys.exit(1)
