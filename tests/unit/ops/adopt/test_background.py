"""Workers and clocks, by their names and commands."""

from __future__ import annotations

import pytest

from ops.adopt.background import runs_by_the_clock, works_in_background


@pytest.mark.parametrize(
    ("name", "command", "background", "clock"),
    [
        ("worker", None, True, False),
        ("shop_worker-2", [], True, False),
        ("jobs", ["node", "dist/worker.js"], True, False),
        ("a", ["python", "-m", "shop.worker"], True, False),
        ("a", "bundle exec sidekiq -C config/sidekiq.yml", True, False),
        ("a", ["php", "artisan", "queue:work", "--tries=3"], True, False),
        ("a", "php artisan schedule:work", True, True),
        ("celery-beat", "celery -A shop beat -l info", True, True),
        ("a", "celery -A shop worker --beat", True, True),
        ("scheduler", ["node", "scheduler.js"], True, True),
        ("a", "supercronic /etc/crontab", True, True),
        ("a", ["gunicorn", "--workers", "4", "-k", "uvicorn.workers.UvicornWorker", "shop:app"], False, False),
        ("worker", "uvicorn shop.worker:app", False, False),
        ("a", "celery -A shop flower", False, False),
        ("web", "python app.py", False, False),
        ("networker", "./start --beats 3", False, False),
    ],
)
def test_a_service(name: str, command: object, background: bool, clock: bool) -> None:
    spec = {"command": command}
    assert (works_in_background(name, spec), runs_by_the_clock(name, spec)) == (background, clock)


def test_the_entrypoint_counts_too() -> None:
    assert works_in_background("a", {"entrypoint": ["celery"], "command": ["-A", "shop", "tasks"]})
