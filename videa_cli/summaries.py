"""The first sentence of each command's help, for `videa --help`, because loading all commands takes long."""

from __future__ import annotations

from collections.abc import Mapping

SUMMARIES: Mapping[str, str] = {
    "init": "Put your own Compose project behind a balancer.",
    "up": "Start the stack, wait until it serves, show its URL.",
    "down": "Stop and remove the stack's containers.",
    "scale": "Run N replicas of a service without losing a request.",
    "deploy": "Roll out a new release without losing a request.",
    "plan": "Show what a deploy would do and need; change nothing.",
    "promote": "End the wait of a deploy, which then continues.",
    "abort": "Roll back an operation that has not ended.",
    "rollback": "Return to an earlier release without losing a request.",
    "push": "Send an image to another engine, without a registry.",
    "images": "Save images to a file and load them, without a registry.",
    "node": "Show the nodes of a swarm, drain one, activate it again.",
    "rebalance": "Spread the replicas over the nodes of the swarm again.",
    "swarm": "Start a Docker Swarm, join it, move this project onto it.",
    "history": "Show past operations: who, what, when, failed requests.",
    "lock": "Show or remove the lock that allows one operation at a time.",
    "maintenance": "Close the site for maintenance, or open it again.",
    "status": "Show the replicas: release, health, load, traffic.",
    "stats": "Show the resource usage of every container.",
    "top": "Show the replicas live: requests/s, p95, errors, memory.",
    "logs": "Show the logs of all replicas, merged by time.",
    "events": "Show the events of operations: steps, verdicts, results.",
    "ui": "Serve a web page for operators, on this machine only.",
    "exec": "Run a command in a replica that serves.",
    "run": "Run a command in a new container of the release that serves.",
    "watch": "Keep unhealthy replicas out of the balancer.",
    "autoscale": "Let the number of replicas follow the load.",
    "agent": "Look after the project until SIGTERM.",
    "tls": "Show the certificates of x-videa.tls, renew them by hand.",
    "notify": "Show the agent's notifications: targets, queue; send a test.",
    "metrics": "Print files for your own Prometheus and Grafana.",
    "doctor": "Find what is wrong, why it matters, and how to fix it.",
    "db": "Show PostgreSQL: connections, activity, locks, statements.",
    "redis": "Show Redis: memory, hit rate, evictions, slow commands.",
    "config": "Show the effective configuration and its sources.",
    "validate": "Check x-videa in the Compose file.",
    "plugin": "Make videa a plugin of Docker: `docker videa scale 3`.",
}
"""In the order of the table of commands. A test compares them with the help."""
