"""What a Prometheus of the user's own scrapes: the agent's metrics, and where all replicas are."""
