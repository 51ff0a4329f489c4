"""The kinds of well-known images, by the last part of their name. Pure."""

from __future__ import annotations

import re

from ops.image_ref import ImageRef

_FROM = re.compile(r"\s*FROM\s+(?:--\S+\s+)*(?P<base>\S+)(?:\s+AS\s+(?P<stage>\S+))?", re.IGNORECASE)

DATA = frozenset(
    (
        *(
            "postgres",
            "postgis",
            "timescaledb",
            "pgvector",
            "mysql",
            "mariadb",
            "percona",
            "cockroach",
            "mongo",
            "mongodb",
            "postgresql",
            "pgvecto-rs",
            "timescaledb-ha",
            "mysql-server",
            "mariadb-galera",
        ),
        *(
            "redis",
            "redis-stack",
            "valkey",
            "keydb",
            "dragonfly",
            "memcached",
            "rabbitmq",
            "nats",
            "kafka",
            "cp-kafka",
            "redpanda",
            "zookeeper",
            "cp-zookeeper",
            "eclipse-mosquitto",
        ),
        *("elasticsearch", "opensearch", "solr", "meilisearch", "typesense", "qdrant", "weaviate"),
        *("clickhouse", "clickhouse-server"),
        *("influxdb", "cassandra", "scylla", "couchdb", "neo4j", "minio", "etcd", "consul", "vault", "azure-sql-edge"),
    )
)
ELSEWHERE = (
    *("nginx-proxy-manager", "swag", "cloudflared", "ngrok", "frpc", "newt", "pomerium", "zoraxy", "oauth2-proxy"),
    *("anubis", "kong", "kong-gateway", "apisix", "varnish"),
)
"""Proxies and tunnels whose configuration is mostly not in the project's folder."""
PROXIES = frozenset(
    (
        "nginx",
        "nginx-unprivileged",
        "openresty",
        "nginx-proxy",
        "traefik",
        "caddy",
        "caddy-docker-proxy",
        "haproxy",
        "envoy",
        "httpd",
        *ELSEWHERE,
    )
)
"""Images that forward requests or serve files themselves."""
TOOLS = frozenset(
    (
        *("adminer", "pgadmin4", "phpmyadmin", "mongo-express", "redis-commander", "redisinsight", "flower", "pgweb"),
        *("mailhog", "mailpit", "maildev", "grafana", "prometheus", "alertmanager", "node-exporter", "cadvisor"),
        *("portainer", "portainer-ce", "dozzle", "jaeger", "all-in-one", "otel-collector", "loki", "uptime-kuma"),
        *("grafana-oss", "grafana-enterprise", "pgadmin", "kafka-ui", "akhq", "kafdrop", "mailcatcher", "smtp4dev"),
        *("cp-schema-registry", "schema-registry", "cp-kafka-connect", "cp-kafka-rest", "cp-ksqldb-server"),
        *("cp-enterprise-control-center", "kafka-manager", "cmak", "conduktor-console"),
        *("logstash", "filebeat", "metricbeat", "fluentd", "fluent-bit", "vector", "promtail", "alloy", "tempo"),
        *("swagger-ui", "kibana", "standalone-chrome", "standalone-chromium", "standalone-firefox", "storybook"),
    )
)
"""Images that answer HTTP but are not the main service of a project."""
_NOT_HTTP = """
21 22 25 53 110 143 389 445 465 587 636 873 993 995 1025 1433 1521 1883 2181 3306 4222 5060 5222 5432 5671 5672 5900
6379 6667 7687 8883 9042 9092 9418 11211 25565 26379 27017 33060
"""
OTHER_PROTOCOLS = frozenset(map(int, _NOT_HTTP.split()))
"""Ports of protocols other than HTTP."""
DEBUGGERS = frozenset({2345, 9229})
"""Debugger ports of delve and Node.js, which only developers use."""


def base_of(dockerfile: str, target: str = "") -> str:
    """The base image of the stage ``target`` of a Dockerfile, by default the last stage; "" if there is none."""
    found = [match for line in dockerfile.splitlines() if (match := _FROM.match(line))]
    below = {match["stage"].lower(): match["base"] for match in found if match["stage"]}
    base = below.get(target.lower()) or (found[-1]["base"] if found else "")
    for _ in found:  # a stage may be based on another stage
        base = below.get(base.lower(), base)
    return base


def kind_of(reference: str) -> str:
    """The last part of an image's name: "postgres" of "registry.example/library/postgres:17"."""
    return ImageRef.parse(reference).repository.rpartition("/")[2].lower()
