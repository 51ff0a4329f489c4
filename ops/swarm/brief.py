"""The part of services and tasks that the states of all replicas need: it takes a fifth of the time to read.

What a manager sends of 1,000 services has megabytes, most of which are environments and earlier specs.
"""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec


class _Template(TypedDict, total=False):
    RestartPolicy: Any


class _Spec(TypedDict, total=False):
    Name: Any
    Labels: Any
    Mode: Any
    TaskTemplate: _Template


class _Service(TypedDict, total=False):
    ID: Any
    Spec: _Spec


class _Status(TypedDict, total=False):
    State: Any


class _Task(TypedDict, total=False):
    ID: Any
    ServiceID: Any
    CreatedAt: Any
    Status: _Status | None


class _Container(TypedDict, total=False):
    Labels: Any


class _TaskSpec(TypedDict, total=False):
    ContainerSpec: _Container


class _PlacedTask(_Task, total=False):
    NodeID: Any
    Spec: _TaskSpec


SERVICES, TASKS = msgspec.json.Decoder(list[_Service]), msgspec.json.Decoder(list[_Task])
PLACED_TASKS = msgspec.json.Decoder(list[_PlacedTask])
"""Tasks with their nodes and their own labels, by which nodes for more are chosen."""
