"""Fencing numbers: each taking of the lock gets a larger one than all before it, on every machine.

A lease alone does not protect against its former holder: a process that was stopped between its last check and its
change completes the change when it continues. So each change carries the number of its holder's lock, and the receiver
refuses a lower one than it has seen (Kleppmann, Designing Data-Intensive Applications, "Fencing tokens").

The last number is in the name of a record, because only the creation of a record succeeds for one of several processes.
It stays after the lock is released.
"""

from __future__ import annotations

from ops.platform.ports import Store

_PROJECT, _NUMBER = "videa.fence", "videa.fence.number"


def take_number(store: Store, project: str, above: int = 0) -> int:
    """A number that is larger than all previous ones of the project, and than ``above``. Raises EngineError.

    The first one is the store's time: a `docker container prune` removes the records, and the numbers must not decrease
    then.
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
        # A higher number was taken, and this one had been removed, before it was created again.
        store.remove(_name(project, number))


def highest(store: Store, project: str) -> int:
    """The last number that was taken; 0 if the records were pruned. Raises EngineError."""
    return (_taken(store, project) or [0])[-1]


def forget(store: Store, project: str) -> None:
    """Removes the records, after the containers of the project. Raises EngineError."""
    for number in _taken(store, project):
        store.remove(_name(project, number))


def _taken(store: Store, project: str) -> list[int]:
    return sorted(int(labels[_NUMBER]) for labels in store.labelled(_PROJECT, project))


def _name(project: str, number: int) -> str:
    return f"videa.fence.{project}.{number}"
