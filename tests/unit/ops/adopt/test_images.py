"""What is below the image that a Dockerfile makes."""

from __future__ import annotations

import pytest

from ops.adopt.images import base_of

STAGES = """\
ARG BASE=node
FROM --platform=$BUILDPLATFORM node:22 AS base
FROM base AS dev
FROM base as build
RUN npm run build
from nginx:alpine
COPY --from=build /dist /usr/share/nginx/html
"""


@pytest.mark.parametrize(
    ("text", "target", "base"),
    [
        (STAGES, "", "nginx:alpine"),
        (STAGES, "dev", "node:22"),
        (STAGES, "unknown", "nginx:alpine"),
        ("FROM python AS python\n", "python", "python"),
        ("# FROM nginx\n", "", ""),
    ],
)
def test_the_image_below_the_stage_that_is_built(text: str, target: str, base: str) -> None:
    assert base_of(text, target) == base
