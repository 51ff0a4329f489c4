"""Fencing numbers: each time the lock is taken, on any machine, it gets a larger number than ever before.

A lease alone does not protect against its former holder: a process that was stopped between its last check and its
change completes the change when it continues. Therefore each change carries the number of its holder's lock, and the
receiver refuses a number lower than the highest one it has seen (Kleppmann, Designing Data-Intensive Applications,
"Fencing tokens").

The last number is in the name of a record: if several processes create the same record, only one succeeds. It stays
after the lock is released.
"""

from __future__ import annotations

from ops.platform.ports import Store

_PROJECT, _NUMBER = "videa.fence", "videa.fence.number"


def take_number(store: Store, project: str, above: int = 0) -> int:
    """A number that is larger than all previous ones of the project, and than ``above``. Raises EngineError.

    The first number is the store's time, so that the numbers do not decrease after `docker container prune` removes the
    records.
    """
    while True:
        number = max((highest(store, project) or int(store.now())) + 1, above + 1)
        if not store.create(_name(project, number), {_PROJECT: project, _NUMBER: str(number)}):
            continue
        taken = _taken(store, project)
        if taken[-1:] == [number]:
            for lower in taken[:-1]:
                store.remove(_name(project, lower))
            return number
        # Another process took a higher number and removed this record, before this call created it again.
        store.remove(_name(project, number))


def highest(store: Store, project: str) -> int:
    """The last number taken; 0 if the records were pruned. Raises EngineError."""
    return (_taken(store, project) or [0])[-1]


def forget(store: Store, project: str) -> None:
    """Removes the records, after the containers of the project. Raises EngineError."""
    for number in _taken(store, project):
        store.remove(_name(project, number))


def _taken(store: Store, project: str) -> list[int]:
    return sorted(int(labels[_NUMBER]) for labels in store.labelled(_PROJECT, project))


def _name(project: str, number: int) -> str:
    return f"videa.fence.{project}.{number}"
