# Replaces the official PostgreSQL image if no registry is reachable: uid 999, POSTGRES_USER, _PASSWORD and
# _DB, data in /var/lib/postgresql/data, logs on stderr, options as the command.
FROM videa/debian-trixie
LABEL videa.image=postgres
ENV PG_MAJOR=17 PGDATA=/var/lib/postgresql/data LANG=C.UTF-8
ENV PATH=/usr/lib/postgresql/$PG_MAJOR/bin:$PATH
# Otherwise postgresql-common creates its own cluster while the package installs.
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    groupadd --system --gid 999 postgres \
    && useradd --system --uid 999 --gid postgres --home-dir /var/lib/postgresql --shell /bin/bash postgres \
    && mkdir -p /etc/postgresql-common \
    && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
    && apt-get -qq update \
    && apt-get -qq install -y --no-install-recommends postgresql-$PG_MAJOR >/dev/null \
    && install -d -o postgres -g postgres -m 1777 "$PGDATA" \
    && install -d -o postgres -g postgres -m 3777 /run/postgresql \
    && sed -i "s/^#listen_addresses = .*/listen_addresses = '*'/" /usr/share/postgresql/$PG_MAJOR/postgresql.conf.sample
COPY --chmod=755 postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
USER postgres
VOLUME /var/lib/postgresql/data
EXPOSE 5432
# Fast shutdown: ends the sessions instead of waiting for clients to leave.
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
