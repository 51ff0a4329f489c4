"""Docker Swarm as the second implementation of the ports: each replica is a service with one task."""
