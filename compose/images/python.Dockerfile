# Replaces python:3.13-slim if no registry is reachable: `python` and a `venv` that has pip.
FROM videa/debian-trixie
LABEL videa.image=python
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get -qq update \
    && apt-get -qq install -y --no-install-recommends ca-certificates python3 python3-venv >/dev/null \
    && ln -s python3 /usr/bin/python
CMD ["python"]
