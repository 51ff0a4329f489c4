"""Duties that run for as long as the stack does, so that nobody has to watch it."""
