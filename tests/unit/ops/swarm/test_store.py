"""Names of configs. The store itself is tested on a real manager (tests/engine/swarm)."""

from __future__ import annotations

from ops.swarm.store import LONGEST, config_name


def test_a_long_name_is_shortened_and_stays_unique() -> None:
    one, other = (config_name(f"videa.lock.{'a' * 80}{end}") for end in "12")
    assert len(one) == len(other) == LONGEST
    assert one != other
    assert config_name("videa.lock.shop") == "videa.lock.shop"
