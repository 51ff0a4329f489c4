"""The volume with the certificates in nginx's container: its content, and how a new certificate gets served.

A new certificate is written next to the active one; then a symlink is switched to it, and nginx tests its configuration
and reloads. If nginx does not serve the new certificate, the symlink is switched back (invariant 2). Everything runs in
nginx's container: no other container has the keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from ops.balancer.scripts import FUNCTIONS
from ops.errors import BalancerError
from ops.models import ExecResult
from ops.platform.ports import Platform

VOLUME = "/etc/nginx/certificates"

PORT = 8443
"""The port on which nginx listens with TLS, inside its container."""

LOOKS = 250
"""Checks of what nginx serves after a reload, at least 20 ms apart."""

IN_A_ROW = 5
"""Required consecutive good checks: for a moment after a reload, old workers also accept connections."""

NOT_WRITTEN, REFUSED, NOT_SERVED, NOT_MOUNTED = 10, 11, 12, 13
"""Exit codes of the scripts; the output has the reason."""

_MARK = "@videa@"

_SHARED = (
    FUNCTIONS
    + f"volume={VOLUME} port={PORT} in_a_row={IN_A_ROW}"
    + r"""
umask 077
grep -q " $volume " /proc/self/mountinfo || exit 13
# Reloads what is on the volume; 11: nginx refuses it, and keeps its present configuration.
serve() {
    tls.sh && nginx -e stderr -t -q || return 11
    started
    reload
}
write() { printf '%s' "$2" > "$1" && [ "$(wc -c < "$1")" -eq "${#2}" ]; }
"""
)

_LOOK = (
    _SHARED
    + f"mark={_MARK}"
    + r"""
cat "$volume/sites" 2>/dev/null
for file in "$volume"/*/current/info.json; do
    [ -e "$file" ] || continue
    name=${file#"$volume/"}
    printf '%s %s ' "$mark" "${name%%/*}" && tr -d '\n' < "$file" && echo
done
exit 0
"""
)

_CHAIN = _SHARED + 'cat "$volume/$1/current/fullchain.pem"'
_ACCOUNT = _SHARED + 'cat "$volume/account/$1" 2>/dev/null; exit 0'

_KEEP_ACCOUNT = (
    _SHARED
    + r"""
alone && mkdir -p "$volume/account" && write "$volume/account/$1.next" "$ACCOUNT" &&
    mv "$volume/account/$1.next" "$volume/account/$1" || exit 10
"""
)

_ANSWER = _SHARED + 'mkdir -p "$volume/challenges" && write "$volume/challenges/$1" "$2" || exit 10'
_UNANSWER = _SHARED + 'rm -f "$volume/challenges/$1"'

_ARRANGE = (
    _SHARED
    + r"""
alone || exit 10
before=$(cat "$volume/sites" 2>/dev/null)
write "$volume/sites.next" "$1" && mv "$volume/sites.next" "$volume/sites" || exit 10
serve && exit 0
write "$volume/sites.next" "$before" && mv "$volume/sites.next" "$volume/sites"
tls.sh
exit 11
"""
)
"""$1: the names, one per line."""

_INSTALL = (
    _SHARED
    + r"""
name=$1 version=$2 looks=$3
folder=$volume/$name
switch() { ln -sfn "$1" "$folder/current.next" && mv -T "$folder/current.next" "$folder/current"; }
# The certificate that clients of this name get; -k, because its authority may be a private one.
served() {
    curl -sk --max-time 2 --noproxy '*' --resolve "$name:$port:127.0.0.1" -o /dev/null -w '%{certs}' \
        "https://$name:$port/.well-known/acme-challenge/" | tr -d '\n'
}
alone || exit 10
mkdir -p "$folder/$version" || exit 10
write "$folder/$version/fullchain.pem" "$CHAIN" && write "$folder/$version/privkey.pem" "$KEY" &&
    write "$folder/$version/info.json" "$INFO" || { rm -rf "$folder/$version"; echo "no space left" >&2; exit 10; }
before=$(readlink "$folder/current")
back() {
    if [ -n "$before" ]; then switch "$before"; else rm -f "$folder/current" "$folder/current.next"; fi
    rm -rf "${folder:?}/$version"
}
tls.sh usable "$folder/$version" || { back; exit 11; }
switch "$version" || { back; exit 10; }
serve
status=$?
if [ "$status" -ne 0 ]; then back; tls.sh; exit "$status"; fi
leaf=$(printf '%s\n' "$CHAIN" | sed '/-----END/q' | grep -v -- '-----' | tr -d '\n')
good=0
while [ "$looks" -gt 0 ] && [ "$good" -lt "$in_a_row" ]; do
    looks=$((looks - 1))
    case $(served) in *"$leaf"*) good=$((good + 1)) ;; *) good=0 && sleep 0.02 ;; esac
done
if [ "$good" -lt "$in_a_row" ]; then
    back
    serve
    exit 12
fi
for old in "$folder"/*; do
    case ${old##*/} in current | "$version" | "$before") ;; *) rm -rf "$old" ;; esac
done
"""
)
"""$1: name, $2: folder of the new version, $3: maximum number of checks.

CHAIN, KEY, INFO: environment variables with the contents of its files, which must not be process arguments.
"""


class Info(msgspec.Struct, frozen=True):
    """A certificate. ``not_before``, ``not_after``: Unix time; ``serial``: hexadecimal; ``issuer``: its common name.

    ``directory``: URL of the authority that issued it.
    """

    serial: str
    issuer: str
    not_before: float
    not_after: float
    directory: str = ""


_INFO = msgspec.json.Decoder(Info)


class Issued(msgspec.Struct, frozen=True):
    """A new certificate: its chain and its private key, PEM."""

    chain: str
    key: str
    info: Info

    def __repr__(self) -> str:
        return f"Issued({self.info})"


@dataclass(frozen=True)
class OnVolume:
    """``sites``: the names in nginx's order; ``certificates``: by name, also of names that are no longer served."""

    sites: tuple[str, ...]
    certificates: Mapping[str, Info]


@dataclass(frozen=True)
class CertificateVolume:
    """The volume in the container of nginx. All methods raise BalancerError, EngineError.

    ``looks``: maximum number of checks whether nginx serves a new certificate.
    """

    platform: Platform
    container: str
    looks: int = LOOKS

    @property
    def containers(self) -> tuple[str, ...]:
        """The ids of the containers with the volume."""
        return (self.container,)

    def look(self) -> OnVolume:
        """The current content of the volume."""
        answer = self._checked(self.platform.ask(self.container, _command(_LOOK)))
        sites, certificates = [], {}
        for line in answer.output.splitlines():
            if not line.startswith(_MARK):
                sites.append(line)
                continue
            _, name, info = line.split(" ", 2)
            try:
                certificates[name] = _INFO.decode(info)
            except msgspec.DecodeError:
                continue  # incompletely written; a new one will be obtained
        return OnVolume(tuple(filter(None, sites)), certificates)

    def chains(self, names: Iterable[str]) -> dict[str, str]:
        """The certificates of ``names`` with their chains, PEM."""
        return {name: self._checked(self.platform.ask(self.container, _command(_CHAIN, name))).output for name in names}

    def account(self, name: str) -> str:
        """The account with a certificate authority; "" if there is none."""
        return self._checked(self.platform.ask(self.container, _command(_ACCOUNT, name))).output

    def keep_account(self, name: str, account: str) -> None:
        """Stores an account, with its private key."""
        self._run(_KEEP_ACCOUNT, name, environment={"ACCOUNT": account})

    def answer(self, token: str, content: str) -> None:
        """Lets nginx answer a challenge of the certificate authority."""
        self._run(_ANSWER, token, content)

    def unanswer(self, token: str) -> None:
        """Removes the answer to a challenge."""
        self._run(_UNANSWER, token)

    def arrange(self, names: Iterable[str]) -> None:
        """Serves exactly those ``names`` over TLS that have a certificate; the first one also for unknown names."""
        self._run(_ARRANGE, "".join(f"{name}\n" for name in names))

    def install(self, name: str, issued: Issued) -> None:
        """Serves a new certificate, and returns when nginx does. The previous one stays on the volume.

        Raises BalancerError if nginx refuses it or does not serve it; it then serves the previous one.
        """
        files = {"CHAIN": issued.chain, "KEY": issued.key, "INFO": msgspec.json.encode(issued.info).decode()}
        self._run(_INSTALL, name, issued.info.serial, str(self.looks), environment=files)

    def _run(self, script: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self._checked(self.platform.exec(self.container, _command(script, *arguments), environment=environment))

    def _checked(self, answer: ExecResult) -> ExecResult:
        if answer.ok:
            return answer
        lines = answer.output.strip().splitlines()
        last = next((line for line in lines if "[emerg]" in line), lines[-1] if lines else "no output")
        stays = "what was served is unchanged; see nginx's log: docker compose logs nginx"
        if answer.code == NOT_MOUNTED:
            raise BalancerError(
                f"nginx's container has no volume at {VOLUME}",
                "add compose/acme.yml to COMPOSE_FILE in .env, then: videa up --recreate nginx (docs/tls.md)",
            )
        if answer.code == NOT_WRITTEN:
            raise BalancerError(f"the volume at {VOLUME} could not be written: {last}", "free space on it", last)
        if answer.code == REFUSED:
            raise BalancerError(f"nginx refuses the certificate: {last}", stays, answer.output)
        if answer.code == NOT_SERVED:
            raise BalancerError("nginx does not serve the new certificate, so the previous one was restored", stays)
        raise BalancerError(
            f"nginx's container ended in the meantime, or has the image of another videa: {last}",
            "its log shows why: docker compose logs nginx; its image is rewritten by videa init, or make up",
            answer.output,
        )


def _command(script: str, *arguments: str) -> list[str]:
    return ["sh", "-c", script, "videa", *arguments]
