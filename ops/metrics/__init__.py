"""The endpoints for the user's own Prometheus: the agent's metrics, and the addresses of all replicas."""
