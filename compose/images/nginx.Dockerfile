# Replaces the official nginx image if no registry is reachable. Debian 13 has nginx 1.26, but reloads that cut no request
# need >= 1.28, so this uses the next release. Same user, logs and stop signal as the official image.
FROM videa/debian-forky
LABEL videa.image=nginx-base
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked,id=apt-forky \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked,id=apt-lists-forky \
    groupadd --system --gid 101 nginx \
    && useradd --system --uid 101 --gid nginx --no-create-home --home-dir /nonexistent --shell /bin/false nginx \
    && apt-get -qq update \
    && apt-get -qq install -y --no-install-recommends ca-certificates curl nginx >/dev/null \
    && rm -rf /etc/nginx/sites-* /etc/nginx/modules-enabled \
    && mkdir -p /var/cache/nginx && chown -R nginx:nginx /var/cache/nginx /var/lib/nginx \
    && ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
