# syntax=docker/dockerfile:1
# Questlog in a container. Build: docker build -t questlog .   Run: see compose.yaml and docs/guides/docker.md.

FROM python:3.13-slim AS build
# make of any version will do.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends -y make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN make wheel

FROM python:3.13-slim
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
COPY --from=build /build/dist/ /tmp/dist/
COPY locks/runtime.lock /tmp/runtime.lock
RUN python -m pip install --require-hashes --only-binary :all: -r /tmp/runtime.lock \
    && python -m pip install --no-deps /tmp/dist/*.whl \
    && rm -r /tmp/dist /tmp/runtime.lock \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin questlog \
    && install --directory --owner=questlog --group=questlog --mode=0700 /data

USER 10001:10001
WORKDIR /data
VOLUME /data
# QUESTLOG_CONSOLE_HOST: inside a container 127.0.0.1 cannot be reached; publish port 7451 on the host's 127.0.0.1 only.
ENV QUESTLOG_DATA=/data \
    QUESTLOG_CONSOLE_HOST=0.0.0.0
EXPOSE 7450 7451
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; [u.urlopen(f'http://127.0.0.1:{port}/readycheck', timeout=4) for port in (7450, 7451)]"]
ENTRYPOINT ["questlog"]
CMD ["run"]
