"""Notifications: what the agent tells people about a project, at least once each."""
