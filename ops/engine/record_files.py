"""The files of records: each write is one volume with the files in its labels, complete or not there at all.

The volume has the id of the record, a marker, so what a process writes into a removed record is never read: another
record with the same name has another id. An older videa has the files inside the marker; they are still read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ops.engine import marker, volume
from ops.engine.client import Engine

NAME = "videa.record"
_NUMBER, _FILE = f"{NAME}.number", f"{NAME}.file."


def write(engine: Engine, record: str, files: Mapping[str, bytes]) -> bool:
    """Writes files into the record with this id, all of them at once; False if it does not exist. Raises EngineError.

    Earlier writes of only the same files are removed. The first write into a record removes what markers that were
    pruned have left.
    """
    before = _writes(engine, record)
    if not before:
        _collect(engine)
    labels = {NAME: record} | {f"{_FILE}{name}": volume.packed(content) for name, content in files.items()}
    number = max(before, default=0) + 1
    while not volume.create(engine, _volume(record, number), {**labels, _NUMBER: str(number)}):
        number += 1
    if marker.find(engine, record) is None:  # asked last: it may have been removed at any time before
        drop(engine, record)
        return False
    _remove(engine, record, (number for number, earlier in before.items() if earlier.keys() <= files.keys()))
    return True


def read(engine: Engine, record: str, file: str = "") -> dict[str, bytes]:
    """The files of the record with this id by name, or only ``file``; empty if there are none. Raises EngineError."""
    writes = _writes(engine, record)
    if not writes:
        return marker.read(engine, record, file)
    files = {name: label for _, written in sorted(writes.items()) for name, label in written.items()}
    contents = {name: volume.unpacked(label) for name, label in files.items() if file in ("", name)}
    return {name: content for name, content in contents.items() if content is not None}


def drop(engine: Engine, record: str) -> None:
    """Removes the files of a removed record. Raises EngineError."""
    _remove(engine, record, _writes(engine, record))


def _writes(engine: Engine, record: str) -> dict[int, dict[str, str]]:
    """Number -> the files of each write, by name, encoded. Raises EngineError."""
    return {
        int(labels[_NUMBER]): {
            label.removeprefix(_FILE): value for label, value in labels.items() if label.startswith(_FILE)
        }
        for _, labels in volume.labelled(engine, NAME, record)
    }


def _collect(engine: Engine) -> None:
    """Removes the files of all records that no longer exist: an id is never used again. Raises EngineError."""
    volumes = volume.labelled(engine, NAME)
    gone = {record for record in {labels[NAME] for _, labels in volumes} if marker.find(engine, record) is None}
    for name, labels in volumes:
        if labels[NAME] in gone:
            volume.remove(engine, name)


def _remove(engine: Engine, record: str, numbers: Iterable[int]) -> None:
    for number in numbers:
        volume.remove(engine, _volume(record, number))


def _volume(record: str, number: int) -> str:
    return f"{NAME}.{record}.{number}"
