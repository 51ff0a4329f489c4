"""Moves a running project between Compose and the swarm of its own host."""
