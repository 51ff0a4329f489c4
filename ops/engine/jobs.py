"""Jobs on a Docker Engine: containers without an image of their own, which see the files of the engine's host.

Such a container has the same programs and the same folder as the terminal that has started it: the image is empty, and
the folders of the host are mounted at their places, read-only except those that an operation writes. It runs as the
same user, without capabilities. The engine starts it again after it was killed, and after its own restart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docker.errors
from docker.types import LogConfig, Mount

from ops.engine import marker
from ops.engine.client import Engine, engine_errors
from ops.models import Job, NewJob

LABEL = "videa.job"
KIND, COMMAND, WHO, AT = (f"{LABEL}.{each}" for each in ("kind", "command", "who", "at"))

GRACE = 300
"""Seconds that a job has to roll back or to complete after it was asked to exit, also at a shutdown of the engine."""

PIDS = 1024
"""Processes of a job at most."""

SOCKET = "/var/run/docker.sock"

ROOT_NEEDS = ("CHOWN", "DAC_OVERRIDE", "FOWNER")
"""Capabilities of a job of root: the project's files may belong to another user."""

_RESTART, _NEVER = "unless-stopped", "no"


@dataclass(frozen=True)
class EngineJobs:
    """``ops.platform.job_ports.Jobs``."""

    engine: Engine

    def obstacle(self) -> str:
        if not self.engine.local:
            return f"the engine is on another machine, {self.engine.address}, which does not have this folder"
        with engine_errors("describe itself"):
            details = self.engine.sdk.api.info()
        if any("rootless" in option for option in details.get("SecurityOptions") or ()):
            return "the engine runs without root, so a container cannot run as this user"
        root = str(details.get("DockerRootDir") or "")
        if not root or not Path(root).exists():
            return "the engine runs in a virtual machine or outside of this container, and does not have this folder"
        return ""

    def all(self, project: str) -> list[Job]:
        with engine_errors("list the jobs"):
            found = self.engine.sdk.api.containers(all=True, filters={"label": f"{LABEL}={project}"})
        return [job for each in found if (job := self._read(each["Id"]))]

    def start(self, job: NewJob) -> str | None:
        with engine_errors(f"create {job.name}"):
            try:
                try:
                    created = self._create(job)
                except docker.errors.ImageNotFound:
                    marker.import_image(self.engine)
                    created = self._create(job)
            except docker.errors.APIError as error:
                if error.status_code == HTTPStatus.CONFLICT:
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
            self.engine.sdk.api.start(job)

    def settle(self, job: str) -> None:
        with engine_errors("end a job", missing_ok=True):
            self.engine.sdk.api.update_container(job, restart_policy=_policy(_NEVER))

    def output(self, job: str) -> Iterator[str]:
        with engine_errors("follow the output of a job"):
            stream = self.engine.sdk.api.logs(job, stdout=True, stderr=False, stream=True, follow=True)
            rest = b""
            for chunk in stream:
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line.decode(errors="replace") for line in lines)

    def last_words(self, job: str) -> str:
        with engine_errors("read the output of a job"):
            output: bytes = self.engine.sdk.api.logs(job, stdout=True, stderr=True, tail=1)
        return output.decode(errors="replace").strip()

    def remove(self, job: str) -> None:
        with engine_errors("remove a job", missing_ok=True):
            self.settle(job)
            self.engine.sdk.api.stop(job, timeout=GRACE)
            self.engine.sdk.api.remove_container(job, force=True)

    def _create(self, job: NewJob) -> str:
        api, (user, group) = self.engine.sdk.api, job.user
        mounts = [Mount(path, path, "bind", read_only=True) for path in job.read_only]
        mounts += [Mount(path, path, "bind") for path in (*job.writable, self._socket())]
        host = api.create_host_config(
            mounts=mounts,
            restart_policy=_policy(_RESTART),
            network_mode="host",  # as in the terminal: the published port, a registry's log-in
            uts_mode="host",  # the same machine in the lock, so that everybody here sees at once whether it is alive
            userns_mode="host",
            group_add=[str(each) for each in job.groups],
            cap_drop=["ALL"],
            cap_add=list(ROOT_NEEDS) if user == 0 else [],
            security_opt=["no-new-privileges", "label=disable"],
            read_only=True,
            pids_limit=PIDS,
            log_config=LogConfig(type="json-file", config={"max-size": "1m", "max-file": "3"}),
        )
        created = api.create_container(
            f"{marker.IMAGE_NAME}:{marker.IMAGE_TAG}",
            list(job.words),
            name=job.name,
            labels=dict(job.labels),
            environment=dict(job.environment),
            user=f"{user}:{group}",
            working_dir=job.folder,
            stop_signal="SIGTERM",
            stop_timeout=GRACE,
            host_config=host,
        )
        return str(created["Id"])

    def _socket(self) -> str:
        """The engine's socket, which the job has like its user."""
        url = self.engine.endpoint.url.strip()
        return str(Path(urlsplit(url).path if url else SOCKET).resolve())

    def _read(self, container: str) -> Job | None:
        with engine_errors("describe a job", missing_ok=True):
            return _job(self.engine.sdk.api.inspect_container(container))
        return None


def _policy(name: str) -> Any:
    return {"Name": name, "MaximumRetryCount": 0}


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
