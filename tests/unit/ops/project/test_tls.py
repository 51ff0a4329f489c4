"""x-videa.tls: what is a domain, and the file of a private certificate authority."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.errors import ConfigError
from ops.project.section import read_settings
from ops.project.tls import MOST_CA, MOST_DOMAINS, read_ca, with_ca

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def test_domains_are_compared_in_lower_case_and_may_come_from_a_variable() -> None:
    assert read_settings({"tls": {"domains": "Shop.Example, www.shop.example"}}).tls.names == (
        "shop.example",
        "www.shop.example",
    )


@pytest.mark.parametrize(
    ("tls", "message"),
    [
        ({"domains": ["*.shop.example"]}, "would need a change of DNS"),
        ({"domains": ["localhost"]}, "'localhost' is not a domain"),
        ({"domains": ["10.0.0.1"]}, "is not a domain"),
        ({"domains": ["shop.example:443"]}, "is not a domain"),
        ({"domains": ["https://shop.example"]}, "is not a domain"),
        ({"domains": ["shop.example; return 200"]}, "is not a domain"),
        ({"domains": ["münchen.example"]}, "is not a domain"),
        ({"domains": ["-a.example"]}, "is not a domain"),
        ({"domains": [f"{'a' * 64}.example"]}, "is not a domain"),
        ({"domains": [".".join(["a" * 60] * 5)]}, "is not a domain"),
        ({"domains": ["a.example", "A.example"]}, "is listed twice"),
        ({"domains": [f"a{n}.example" for n in range(MOST_DOMAINS + 1)]}, "are too many"),
        ({"email": "nobody"}, "is not an address"),
        ({"directory": "http://acme.example/dir"}, "not an https URL"),
        ({"directory": "https://me:secret@acme.example/dir"}, "not an https URL"),
        ({"directory": "https://acme.example:x/dir"}, "not an https URL"),
        ({"ca": "x" * (MOST_CA + 1)}, "bytes"),
        ({"domain": "shop.example"}, "unknown key 'domain'"),
    ],
)
def test_what_is_wrong_is_named(tls: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=r"x-videa\.tls") as error:
        read_settings({"tls": tls})
    assert message in error.value.message
    assert "secret" not in error.value.message


def test_the_agent_gets_the_text_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(f"# ours\n{PEM}")
    recorded = with_ca({"port": 80, "tls": {"ca": "ca.pem", "email": "a@b.example"}}, tmp_path)
    assert recorded == {"port": 80, "tls": {"ca": PEM, "email": "a@b.example"}}
    assert read_ca(recorded["tls"]["ca"], Path("/nonexistent")) == PEM
    assert with_ca({"port": 80}, tmp_path) == {"port": 80}


@pytest.mark.parametrize("content", [None, b"", b"not PEM", b"\xff\xfe", b"x" * MOST_CA + PEM.encode()])
def test_a_file_that_has_no_certificate_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(ConfigError, match=r"x-videa\.tls\.ca"):
        read_ca("ca.pem", tmp_path)
