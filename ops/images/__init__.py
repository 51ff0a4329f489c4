"""Copies images without a registry: to another engine, into a file and out of it."""
