"""Jobs on a Docker Engine: containers with an empty image that use the files of the engine's host.

A job has the same programs and the same folder as the terminal that started it: the folders of the host are mounted at
the same paths, read-only except for those that an operation writes. It runs as the same user, without capabilities. The
engine restarts a job that was killed, also after a restart of the engine itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ops.engine import marker
from ops.engine.answer import Refused
from ops.engine.client import Engine, engine_errors
from ops.models import Job, NewJob

LABEL = "videa.job"
KIND, COMMAND, WHO, AT = (f"{LABEL}.{each}" for each in ("kind", "command", "who", "at"))

GRACE = 300
"""Seconds that a job has to roll back or complete when it is asked to exit, also when the engine shuts down."""

PIDS = 1024
"""Maximum number of processes of a job."""

SOCKET = "/var/run/docker.sock"

ROOT_NEEDS = ("CHOWN", "DAC_OVERRIDE", "FOWNER")
"""Capabilities of a job that runs as root: the project's files may belong to another user."""

_RESTART, _NEVER = "unless-stopped", "no"


@dataclass(frozen=True)
class EngineJobs:
    """``ops.platform.job_ports.Jobs``."""

    engine: Engine

    def obstacle(self) -> str:
        if not self.engine.local:
            return f"the engine is on another machine, {self.engine.address}, which does not have this folder"
        with engine_errors("describe itself"):
            details = self.engine.api.info()
        if any("rootless" in option for option in details.get("SecurityOptions") or ()):
            return "the engine runs without root, so a container cannot run as this user"
        root = str(details.get("DockerRootDir") or "")
        if not root or not Path(root).exists():
            return "the engine runs in a virtual machine or outside of this container, and does not have this folder"
        return ""

    def all(self, project: str) -> list[Job]:
        with engine_errors("list the jobs"):
            found = self.engine.api.containers(all=True, filters={"label": f"{LABEL}={project}"})
        return [job for each in found if (job := self._read(each["Id"]))]

    def start(self, job: NewJob) -> str | None:
        with engine_errors(f"create {job.name}"):
            try:
                try:
                    created = self._create(job)
                except Refused as error:
                    if not error.missing:
                        raise
                    marker.import_image(self.engine)
                    created = self._create(job)
            except Refused as error:
                if error.conflict:
                    return None
                raise
        try:
            self.wake(created)
        except BaseException:
            self.remove(created)
            raise
        return created

    def wake(self, job: str) -> None:
        with engine_errors("start a job"):
            self.engine.api.start(job)

    def settle(self, job: str) -> None:
        with engine_errors("end a job", missing_ok=True):
            self.engine.api.update_container(job, restart_policy=_policy(_NEVER))

    def output(self, job: str) -> Iterator[str]:
        with engine_errors("follow the output of a job"):
            stream = self.engine.sdk.api.logs(job, stdout=True, stderr=False, stream=True, follow=True)
            rest = b""
            for chunk in stream:
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line.decode(errors="replace") for line in lines)

    def last_words(self, job: str) -> str:
        with engine_errors("read the output of a job"):
            output = self.engine.api.logs(job, tail=1)
        return output.decode(errors="replace").strip()

    def remove(self, job: str) -> None:
        with engine_errors("remove a job", missing_ok=True):
            self.settle(job)
            self.engine.api.stop(job, timeout=GRACE)
            self.engine.api.remove_container(job, force=True)

    def _create(self, job: NewJob) -> str:
        user, group = job.user
        host = {
            "Mounts": [
                *(_bind(path, read_only=True) for path in job.read_only),
                *(_bind(path, read_only=False) for path in (*job.writable, self._socket())),
            ],
            "RestartPolicy": _policy(_RESTART),
            "NetworkMode": "host",  # as in the terminal: for the published port and a registry's login
            "UTSMode": "host",  # the same machine name in the lock: processes here see at once whether it is alive
            "UsernsMode": "host",
            "GroupAdd": [str(each) for each in job.groups],
            "CapDrop": ["ALL"],
            "CapAdd": list(ROOT_NEEDS) if user == 0 else [],
            "SecurityOpt": ["no-new-privileges", "label=disable"],
            "ReadonlyRootfs": True,
            "PidsLimit": PIDS,
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "3"}},
        }
        config = {
            "Image": f"{marker.IMAGE_NAME}:{marker.IMAGE_TAG}",
            "Cmd": list(job.words),
            "Labels": dict(job.labels),
            "Env": [f"{name}={value}" for name, value in job.environment.items()],
            "User": f"{user}:{group}",
            "WorkingDir": job.folder,
            "StopSignal": "SIGTERM",
            "StopTimeout": GRACE,
            "HostConfig": host,
        }
        return str(self.engine.api.create_container_from_config(config, job.name)["Id"])

    def _socket(self) -> str:
        """The engine's socket: the job has the same access as its user."""
        url = self.engine.endpoint.url.strip()
        return str(Path(urlsplit(url).path if url else SOCKET).resolve())

    def _read(self, container: str) -> Job | None:
        with engine_errors("describe a job", missing_ok=True):
            return _job(self.engine.api.inspect_container(container))
        return None


def _policy(name: str) -> Mapping[str, object]:
    return {"Name": name, "MaximumRetryCount": 0}


def _bind(path: str, read_only: bool) -> Mapping[str, object]:
    return {"Type": "bind", "Source": path, "Target": path, "ReadOnly": read_only}


def _job(details: Mapping[str, Any]) -> Job:
    labels, state = details["Config"]["Labels"] or {}, details["State"]
    return Job(
        id=details["Id"],
        name=str(details["Name"]).lstrip("/"),
        kind=labels.get(KIND, ""),
        command=labels.get(COMMAND, "an operation"),
        who=labels.get(WHO, "somebody"),
        at=float(labels.get(AT) or 0),
        created=datetime.fromisoformat(details["Created"][:19] + "+00:00"),
        state=str(state.get("Status") or ""),
        over=details["HostConfig"]["RestartPolicy"]["Name"] == _NEVER,
        exit_code=int(state.get("ExitCode") or 0),
    )
