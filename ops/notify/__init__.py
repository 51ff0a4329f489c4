"""Notifications: the agent's messages to people about a project, each delivered at least once."""
