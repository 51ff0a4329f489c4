"""The certificates of all of a project's nginx: in a swarm, any of them may get a challenge, and all serve the site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ops.balancer.certificates import CertificateVolume, Info, Issued, OnVolume
from ops.errors import BalancerError
from ops.platform.ports import Platform


class Certificates(Protocol):
    """What ``CertificateVolume`` does, for one nginx or for several. All methods raise BalancerError, EngineError."""

    @property
    def containers(self) -> tuple[str, ...]: ...
    def look(self) -> OnVolume: ...
    def chains(self, names: Iterable[str]) -> dict[str, str]: ...
    def account(self, name: str) -> str: ...
    def keep_account(self, name: str, account: str) -> None: ...
    def answer(self, token: str, content: str) -> None: ...
    def unanswer(self, token: str) -> None: ...
    def arrange(self, names: Iterable[str]) -> None: ...
    def install(self, name: str, issued: Issued) -> None: ...


@dataclass(frozen=True)
class CertificateVolumes:
    """The volumes of several nginx, changed one after the other; after an error, the remaining ones are unchanged."""

    volumes: Sequence[CertificateVolume]

    @property
    def containers(self) -> tuple[str, ...]:
        return tuple(volume.container for volume in self.volumes)

    def look(self) -> OnVolume:
        """What all volumes have: a certificate that one of them lacks or has in another version counts as missing."""
        first, *others = [volume.look() for volume in self.volumes]
        same: Mapping[str, Info] = {
            name: info
            for name, info in first.certificates.items()
            if all(other.certificates.get(name) == info for other in others)
        }
        return OnVolume(first.sites if all(other.sites == first.sites for other in others) else (), same)

    def chains(self, names: Iterable[str]) -> dict[str, str]:
        return self.volumes[0].chains(names)

    def account(self, name: str) -> str:
        """The account from the first volume that has one; a new nginx has none."""
        return next(filter(None, (volume.account(name) for volume in self.volumes)), "")

    def keep_account(self, name: str, account: str) -> None:
        self._all(lambda volume: volume.keep_account(name, account))

    def answer(self, token: str, content: str) -> None:
        """Answers on all of them: the certificate authority may ask any one or several."""
        self._all(lambda volume: volume.answer(token, content))

    def unanswer(self, token: str) -> None:
        self._all(lambda volume: volume.unanswer(token))

    def arrange(self, names: Iterable[str]) -> None:
        ordered = tuple(names)
        self._all(lambda volume: volume.arrange(ordered))

    def install(self, name: str, issued: Issued) -> None:
        self._all(lambda volume: volume.install(name, issued))

    def _all(self, change: Callable[[CertificateVolume], None]) -> None:
        for volume in self.volumes:
            change(volume)


def connect(platform: Platform, service: str) -> Certificates:
    """The certificates of the balancer ``service``. Raises BalancerError if none is running, EngineError."""
    running = [each for each in platform.containers() if each.service == service and each.running]
    if not running:
        raise BalancerError(f"the balancer {service!r} is not running", "start it: videa up")
    volumes = [CertificateVolume(platform, each.id) for each in running]
    return volumes[0] if len(volumes) == 1 else CertificateVolumes(volumes)
