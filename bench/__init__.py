"""The load client, the scenarios of the README's tables, and the peers that videa is compared with."""
