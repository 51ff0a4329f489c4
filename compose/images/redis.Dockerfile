# Replaces the official Redis image if no registry is reachable: uid 999, /data, options as the command.
FROM videa/debian-trixie
LABEL videa.image=redis
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    groupadd --system --gid 999 redis \
    && useradd --system --uid 999 --gid redis --home-dir /data --shell /bin/false redis \
    && apt-get -qq update \
    && apt-get -qq install -y --no-install-recommends redis-server >/dev/null \
    && install -d -o redis -g redis /data
COPY --chmod=755 redis-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
USER redis
WORKDIR /data
VOLUME /data
EXPOSE 6379
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]
