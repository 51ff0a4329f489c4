"""The certificates of several nginx count only if all of them have them."""

from __future__ import annotations

from typing import cast

from ops.balancer.certificate_volumes import CertificateVolumes
from ops.balancer.certificates import CertificateVolume, Info, Issued, OnVolume

OLD, NEW = (Info(serial, "authority", 0.0, 1.0) for serial in ("1", "2"))


class Volume:
    """One nginx in memory."""

    def __init__(self, **certificates: Info) -> None:
        self.certificates = certificates
        self.sites: tuple[str, ...] = ("a.example",)
        self.challenges: dict[str, str] = {}
        self.kept = ""

    def look(self) -> OnVolume:
        return OnVolume(self.sites, self.certificates)

    def account(self, name: str) -> str:
        return self.kept

    def keep_account(self, name: str, account: str) -> None:
        self.kept = account

    def answer(self, token: str, content: str) -> None:
        self.challenges[token] = content

    def unanswer(self, token: str) -> None:
        del self.challenges[token]

    def arrange(self, names: tuple[str, ...]) -> None:
        self.sites = names

    def install(self, name: str, issued: Issued) -> None:
        self.certificates[name] = issued.info


def together(*volumes: Volume) -> CertificateVolumes:
    return CertificateVolumes([cast(CertificateVolume, volume) for volume in volumes])


def test_a_certificate_counts_if_every_nginx_has_it() -> None:
    assert together(Volume(a=NEW, b=NEW, c=NEW), Volume(a=NEW, b=OLD)).look().certificates == {"a": NEW}


def test_sites_of_which_one_nginx_has_other_ones_are_arranged_again() -> None:
    one, other = Volume(), Volume()
    other.sites = ()
    assert together(one, other).look().sites == ()
    together(one, other).arrange(iter(("b.example",)))
    assert together(one, other).look().sites == one.sites == ("b.example",)


def test_every_nginx_answers_the_challenge_and_serves_the_certificate() -> None:
    one, other = Volume(), Volume()
    both = together(one, other)
    both.answer("token", "content")
    assert one.challenges == other.challenges == {"token": "content"}
    both.unanswer("token")
    both.install("a", Issued("chain", "key", NEW))
    assert both.look().certificates == {"a": NEW}
    assert one.challenges == other.challenges == {}


def test_a_new_nginx_has_no_account_yet() -> None:
    one, new = Volume(), Volume()
    one.kept = "account"
    assert together(new, one).account("x") == "account"
    together(new, one).keep_account("x", "other")
    assert (one.kept, new.kept) == ("other", "other")
