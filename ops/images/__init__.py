"""Copies images without a registry: to another engine, to a file, and from a file."""
