"""Configs and secrets that are no files of the host."""

from __future__ import annotations

from ops.project.copied import copied_files


def test_only_what_compose_copies_is_found_at_its_target() -> None:
    model = {
        "configs": {"text": {"content": "x"}, "file": {"file": "./app.ini"}},
        "secrets": {"token": {"environment": "TOKEN"}, "key": {"environment": "KEY"}, "file": {"file": "./key"}},
        "services": {
            "web": {
                "configs": [{"source": "text", "target": "/etc/app.ini"}, {"source": "file"}, "text"],
                "secrets": [{"source": "token"}, {"source": "key", "target": "mine"}, {"source": "file"}],
            },
            "worker": {},
        },
    }
    assert copied_files(model, "web") == ["/etc/app.ini", "/text", "/run/secrets/token", "/run/secrets/mine"]
    assert copied_files(model, "worker") == []
