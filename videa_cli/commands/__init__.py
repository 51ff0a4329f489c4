"""Every command of videa, in the order of ``videa --help``. A command is one file here and one line below."""

from __future__ import annotations

from collections.abc import Callable

import typer

from videa_cli.commands import (
    abort,
    config,
    db,
    deploy,
    doctor,
    down,
    history,
    lock,
    logs,
    maintenance,
    plan,
    promote,
    redis,
    rollback,
    scale,
    stats,
    status,
    top,
    up,
    watch,
)

COMMANDS: tuple[Callable[[typer.Typer], None], ...] = (
    up.register,
    down.register,
    scale.register,
    deploy.register,
    plan.register,
    promote.register,
    abort.register,
    rollback.register,
    history.register,
    lock.register,
    maintenance.register,
    status.register,
    stats.register,
    top.register,
    logs.register,
    watch.register,
    doctor.register,
    db.register,
    redis.register,
    config.register,
)
