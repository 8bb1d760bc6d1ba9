# quotewire, with its models, as a user without rights:
#   docker build -t quotewire .
#   docker run --read-only --tmpfs /tmp -p 127.0.0.1:50051:50051 quotewire
# Give the build what pip needs to find a CPU build of torch, if you want one without CUDA:
#   --build-arg PIP_EXTRA_INDEX_URL=…

FROM python:3.11-slim AS build
ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/quotewire
WORKDIR /src
# What is installed changes seldom and takes minutes: a layer of its own.
COPY pyproject.toml .
RUN python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' > requirements.txt \
    && /opt/quotewire/bin/pip install --quiet --requirement requirements.txt
COPY hatch_build.py README.md LICENSE CHANGELOG.md ./
COPY models models
COPY service service
RUN /opt/quotewire/bin/pip install --quiet --no-deps . \
    && /opt/quotewire/bin/pip check \
    && /opt/quotewire/bin/python -m compileall -q /opt/quotewire/lib

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin quotewire
COPY --from=build /opt/quotewire /opt/quotewire
# Nothing is written at run time, and nothing is fetched.
ENV PATH=/opt/quotewire/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HF_HUB_OFFLINE=1 \
    QUOTEWIRE_HOST=0.0.0.0 \
    QUOTEWIRE_METRICS_HOST=0.0.0.0 \
    QUOTEWIRE_METRICS_PORT=9464
USER 10001:10001
EXPOSE 50051 9464
# SIGTERM drains: health flips, running calls may finish.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["quotewire", "health"]
ENTRYPOINT ["quotewire"]
CMD ["serve"]
