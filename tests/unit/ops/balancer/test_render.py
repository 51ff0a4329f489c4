"""The rendered upstreams.conf, and the membership that is parsed from it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ops.balancer.render import is_outdated, parse, render
from ops.balancer.sticky import replica_id
from ops.traffic import Maintenance, Membership, Sticky, TrafficSplit, Upstream

DEFAULT = Path(__file__).parents[4] / "ops/balancer/image/default-upstreams.conf"
LISTED = Upstream("backend", 3001, ("videa-backend-1", "videa-backend-3"))


def group(text: str, name: str) -> list[str]:
    """The directives of one upstream group."""
    body = text.partition(f"upstream {name} {{\n")[2].partition("\n    }")[0]
    return [line.strip() for line in body.splitlines() if not line.strip().startswith("#")]


def test_only_listed_replicas_are_servers_of_the_active_group() -> None:
    text = render(LISTED, 7)
    servers = [line for line in group(text, "app") if line.startswith("server ") and not line.endswith(" down;")]
    assert [line.split()[1] for line in servers] == ["videa-backend-1:3001", "videa-backend-3:3001"]
    assert all(" resolve " in line for line in servers)
    assert 'map "" $videa_upstream { default app; }' in text
    assert 'map "" $videa_generation { default 7; }' in text


def test_without_names_all_replicas_of_the_service_are_served() -> None:
    text = render(Upstream("backend", 3001), 1)
    assert "upstream app" not in text
    assert 'map "" $videa_upstream { default any; }' in text


@pytest.mark.parametrize("upstream", [LISTED, Upstream("backend", 3001), Upstream("backend", 3001, ("a",), "cookie")])
def test_the_group_any_always_exists(upstream: Upstream) -> None:
    assert "server backend:3001 resolve max_fails=1 fail_timeout=2s;" in group(render(upstream, 1), "any")


@pytest.mark.parametrize(
    ("sticky", "method"),
    [("none", "least_conn;"), ("ip", "hash $remote_addr consistent;")],
)
def test_the_balancing_method_depends_on_sticky(sticky: Sticky, method: str) -> None:
    assert method in group(render(Upstream("backend", 3001, ("a", "b"), sticky), 1), "app")


@pytest.mark.parametrize("sticky", ["none", "ip", "cookie"])
@pytest.mark.parametrize("names", [(), ("a", "b")])
def test_every_variable_of_the_image_is_set_once(sticky: Sticky, names: tuple[str, ...]) -> None:
    text = render(Upstream("backend", 3001, names, sticky), 1)
    assert text.count("$videa_set_cookie {") == text.count("$videa_upstream {") == 1
    assert ("videa_client=" in text) == (sticky == "cookie" and names != ())


VARIABLE = re.compile(r"^ *(?:map|split_clients) .* \$(\w+) \{|\(\?<(\w+)>", re.MULTILINE)


@pytest.mark.parametrize("sticky", ["none", "ip", "cookie"])
def test_no_variable_is_defined_by_the_image_and_again_by_the_text(sticky: Sticky) -> None:
    """nginx would silently use the last definition."""
    image, text = (DEFAULT.with_name("http.conf")).read_text(), render(canaries(sticky), 1)
    names = [first or second for first, second in VARIABLE.findall(image + text)]
    assert {"videa_tester", "videa_upstream", "videa_p"} <= set(names)
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(("seconds", "rendered"), [(30.0, "30s"), (0.2, "1s"), (1.5, "2s"), (0, "1s")])
def test_old_workers_end_after_the_drain_timeout(seconds: float, rendered: str) -> None:
    """In nginx, 0 means no timeout."""
    text = render(Upstream("backend", 3001, ("a",), drain_timeout=seconds), 1)
    assert f"worker_shutdown_timeout {rendered};" in text


def canaries(sticky: Sticky, token: str = "") -> Upstream:
    return Upstream("backend", 3001, ("a", "b", "c"), sticky, split=TrafficSplit(("n",), 5, token=token))


@pytest.mark.parametrize(("sticky", "name"), [("none", "canary"), ("cookie", f"canary-{replica_id('n')}")])
def test_stable_replicas_are_backups_of_a_canary_unless_it_is_private(sticky: Sticky, name: str) -> None:
    backups = [line.split()[1] for line in group(render(canaries(sticky), 1), name) if line.endswith(" backup;")]
    assert backups[:2] == ["a:3001", "b:3001"]
    assert not [line for line in group(render(canaries(sticky, "secret"), 1), name) if line.endswith(" backup;")]


def test_a_hash_has_no_backups_because_nginx_would_refuse_them() -> None:
    assert " backup;" not in render(canaries("ip"), 1)


@pytest.mark.parametrize("sticky", ["none", "ip", "cookie"])
def test_backups_are_not_parsed_as_listed(sticky: Sticky) -> None:
    assert parse(render(canaries(sticky), 3)) == Membership(3, ("a", "b", "c"), ("n",))


@pytest.mark.parametrize("names", [(), ("a",), ("a", "b.c", "d_e-9")])
@pytest.mark.parametrize("sticky", ["none", "ip", "cookie"])
def test_a_rendered_membership_is_parsed(names: tuple[str, ...], sticky: Sticky) -> None:
    assert parse(render(Upstream("backend", 3001, names, sticky), 12)) == Membership(12, names)


@pytest.mark.parametrize("sticky", ["none", "ip", "cookie"])
def test_a_text_is_outdated_only_if_the_settings_have_changed(sticky: Sticky) -> None:
    upstream = Upstream("backend", 3001, ("b", "a"), sticky)
    membership = parse(render(upstream, 12, Maintenance(("10.0.0.0/8",), ("/health",))))
    assert not is_outdated(membership, upstream)
    assert is_outdated(membership, replace(upstream, drain_timeout=5))
    assert is_outdated(membership, replace(upstream, sticky="none" if sticky == "cookie" else "cookie"))


@pytest.mark.parametrize("sticky", ["none", "ip", "cookie"])
def test_each_replica_has_the_port_of_its_release(sticky: Sticky) -> None:
    split = TrafficSplit(("n",), 5)
    moved = Upstream("backend", 3002, ("a", "b"), sticky, split=split, ports={"a": 3001, "b": 3001})
    text = render(moved, 1)
    assert {line.split()[1] for line in text.splitlines() if " server a:" in line} == {"a:3001"}
    assert {line.split()[1] for line in text.splitlines() if " server n:" in line} == {"n:3002"}
    membership = parse(text)
    assert membership.ports == {"a": 3001, "b": 3001, "n": 3002}
    assert (membership.port_of("n"), membership.port_of("gone"), membership.any_port) == (3002, None, 3002)


def test_with_one_port_no_replica_has_one_of_its_own() -> None:
    servers = (
        "    upstream app {\n"
        "        zone app 512k;\n"
        "        least_conn;\n"
        "        server videa-backend-1:3001 resolve max_fails=1 fail_timeout=2s;\n"
        "        server videa-backend-3:3001 resolve max_fails=1 fail_timeout=2s;\n"
    )
    text = render(LISTED, 7)
    assert servers in text
    assert not is_outdated(parse(text), LISTED)
    assert is_outdated(parse(text), replace(LISTED, ports={"videa-backend-1": 3002}))


def test_the_default_file_admits_everything() -> None:
    membership = parse(DEFAULT.read_text())
    assert membership == Membership(0, ())
    assert parse(DEFAULT.read_text().replace("@PORT@", "3001")).port_of("videa-backend-9") == 3001
    assert membership.admits("videa-backend-9")


def test_the_default_file_is_equivalent_to_a_rendered_one() -> None:
    """Both must define the same variables and the same group for the base configuration."""
    default = DEFAULT.read_text().replace("@SERVICE@", "backend").replace("@PORT@", "3001")
    rendered = render(Upstream("backend", 3001), 0)
    assert group(default, "any") == group(rendered, "any")
    assert variables(default) == variables(rendered)


def variables(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if line.strip().startswith("map ")}


def test_membership_admits_only_listed_replicas() -> None:
    membership = parse(render(LISTED, 1))
    assert membership.admits("videa-backend-3")
    assert not membership.admits("videa-backend-2")
    assert not membership.everything


@pytest.mark.parametrize("text", ["", "events {}", 'map "" $videa_generation { default 3; }', "upstream any { }"])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="generation"):
        parse(text)


@pytest.mark.parametrize("name", ["", "a;b", "a b", "a{", "-a", "a\nserver evil:1", "${x}"])
def test_names_with_directives_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        Upstream("backend", 3001, (name,))
    with pytest.raises(ValueError, match="not the name"):
        Upstream(name, 3001)


@pytest.mark.parametrize(("replicas", "size"), [(2, "512k"), (128, "512k"), (129, "1024k"), (1000, "4096k")])
def test_groups_have_room_for_their_replicas(replicas: int, size: str) -> None:
    text = render(Upstream("web", 8000, tuple(f"web-{number}" for number in range(replicas))), 1)
    assert f"zone app {size};" in text
    assert f"zone any {size};" in text
