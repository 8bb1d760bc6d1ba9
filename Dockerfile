# quotewire serve, as a user without rights.  Give the build what pip needs to find a CPU build of
# torch, if you want one without CUDA: --build-arg PIP_EXTRA_INDEX_URL=…
FROM python:3.11-slim AS build
WORKDIR /src
COPY . .
RUN pip wheel --quiet --no-deps --wheel-dir /wheels .

FROM python:3.11-slim
ARG PIP_EXTRA_INDEX_URL=""
COPY --from=build /wheels /wheels
RUN pip install --quiet --no-cache-dir /wheels/*.whl && rm -r /wheels \
    && useradd --system --no-create-home quotewire
USER quotewire
EXPOSE 50051
# SIGTERM (the default) drains: running calls may finish.
ENTRYPOINT ["quotewire", "serve", "--host", "0.0.0.0", "--port", "50051"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["quotewire", "health"]
