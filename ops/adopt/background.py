"""Recognizes background workers and schedulers by their service names and commands. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_SERVER = re.compile(
    r"\b(?:gunicorn|uvicorn|hypercorn|daphne|granian|waitress|uwsgi|puma|unicorn|thin|rackup|runserver|nginx|httpd|apache2"
    r"|php-fpm|frankenphp|flower|daemon|serve|server)\b|\brails s\b|\bflask run\b|\bartisan serve\b|\bnext start\b"
)
"""Commands that listen for requests: "gunicorn --worker-class" does not make a service a worker."""
_WORKER = re.compile(
    r"(?<![-\w])(?:workers?|celery|sidekiq|resque|delayed_job|good_job|solid_queue|rq|rqworker|dramatiq|huey|arq|consumers?"
    r"|consume|horizon|queue:(?:work|listen)|messenger:consume|qcluster|bullmq)(?![-\w])"
)
_CLOCK = re.compile(
    r"(?<![-\w])(?:beat|--beat|schedule:(?:work|run)|schedulers?|rqscheduler|cron|crond|supercronic|clockwork|clock|ofelia)"
    r"(?![-\w])"
)
_NAMES = frozenset(
    {"worker", "workers", "queue", "queues", "celery", "sidekiq", "resque", "consumer", "consumers", "jobs"}
)
_CLOCK_NAMES = frozenset({"beat", "scheduler", "schedule", "cron", "crontab", "clock", "celerybeat"})


def works_in_background(name: str, spec: Mapping[str, Any]) -> bool:
    """Whether a service answers no requests, even if it inherits ports from its image or from another service."""
    command = _command(spec)
    if _SERVER.search(command):
        return False
    return bool(_parts(name) & (_NAMES | _CLOCK_NAMES) or _WORKER.search(command) or _CLOCK.search(command))


def runs_by_the_clock(name: str, spec: Mapping[str, Any]) -> bool:
    """Whether a service starts jobs at scheduled times, so that two replicas would start every job twice."""
    command = _command(spec)
    return not _SERVER.search(command) and bool(_parts(name) & _CLOCK_NAMES or _CLOCK.search(command))


def words_of(command: object) -> str:
    """A command from the Compose model (a string or a list) as text."""
    return command if isinstance(command, str) else " ".join(map(str, command if isinstance(command, list) else ()))


def _parts(name: str) -> set[str]:
    return set(re.split(r"[^a-z]+", name.lower()))


def _command(spec: Mapping[str, Any]) -> str:
    """The command as text, without file name extensions, so that "dist/worker.js" counts as a worker."""
    words = f"{words_of(spec.get('entrypoint'))} {words_of(spec.get('command'))}"
    return re.sub(r"\.(?:js|mjs|cjs|ts|py|rb|php|sh|jar|exe)\b", "", words).replace("/", " ")
