"""What videa is compared with."""
