"""The peers that videa is compared with."""
