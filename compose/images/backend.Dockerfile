# The backend that videa scales. Works with the official Python image and with the one built from Debian packages.
ARG PYTHON_BASE=python:3.13-slim

FROM ${PYTHON_BASE} AS build
# Behind a proxy with its own certificates, pip needs the host's bundle; as a secret it is in no layer.
RUN --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.cache/pip \
    --mount=type=bind,source=pyproject.toml,target=/build/pyproject.toml \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    python -m venv /opt/venv \
    && /opt/venv/bin/pip install -q --disable-pip-version-check --upgrade 'pip>=25.1' \
    && /opt/venv/bin/pip install -q --disable-pip-version-check --group /build/pyproject.toml:server \
    && /opt/venv/bin/pip uninstall -q -y pip
COPY server /app/server
# Compiled here: the file system is read-only at run time, so every start would compile it again.
RUN /opt/venv/bin/python -m compileall -q /app/server

FROM ${PYTHON_BASE}
LABEL videa.image=backend
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
USER 10001:10001
EXPOSE 3001
CMD ["python", "-m", "server"]
