"""The load client, the scenarios behind the README's tables, and the peers that videa is compared with."""
