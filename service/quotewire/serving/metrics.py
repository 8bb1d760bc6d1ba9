"""Prometheus metrics; docs/observability.md describes each one (a test holds that)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from quotewire.errors import ConfigError
from quotewire.experiments.exposures import ExposureLog
from quotewire.serving.calls import Call, Timings
from quotewire.serving.jobs import BatchFacts
from quotewire.serving.registry import ModelRegistry

# What is refused without work being done for it (``ErrorInfo.reason``).
REFUSALS = ("OVERLOADED", "RATE_LIMITED", "NOT_READY", "DRAINING", "UNAUTHENTICATED")

_ARTICLE = ("model", "variant", "client")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_TOKENS = (32, 64, 128, 256, 512, 1024, 1536, 2048, 3072, 4096, 8192, 16_384)
_WINDOWS = (1, 2, 4, 8, 16, 32, 64, 128)
_RATIOS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75)
_STATEMENTS = (0, 1, 2, 5, 10, 20, 30, 50, 100, 200, 500)


class Metrics:
    """All metrics of one server, in a registry of its own.  Methods from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

        def counter(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(f"quotewire_{name}", help_text, labels, registry=self.registry)

        def histogram(
            name: str, help_text: str, *labels: str, buckets: tuple[float, ...] = _SECONDS
        ) -> Histogram:
            return Histogram(
                f"quotewire_{name}", help_text, labels, registry=self.registry, buckets=buckets
            )

        self._calls = counter("calls_total", "Calls ended.", "method", "code", *_ARTICLE)
        self._call_seconds = histogram("call_seconds", "Time of a call.", "method", *_ARTICLE)
        self._in_progress = Gauge(
            "quotewire_calls_in_progress",
            "Calls running now.",
            ("method",),
            registry=self.registry,
        )
        self._cancellations = counter(
            "cancellations_total", "Calls whose client went away.", "method", *_ARTICLE
        )
        self._articles = counter("articles_total", "Articles answered.", *_ARTICLE)
        self._tokens = counter("tokens_total", "Tokens read for answers.", *_ARTICLE)
        self._errors = counter(
            "article_errors_total", "Articles and calls with an error.", "reason", *_ARTICLE
        )
        self._refusals = counter(
            "refusals_total", "Articles and calls refused without work.", "reason", *_ARTICLE
        )
        self._article_seconds = histogram("article_seconds", "Time of an article.", *_ARTICLE)
        self._steps = {
            step: histogram(f"{step}_seconds", f"Time of an article in: {step}.", *_ARTICLE)
            for step in ("queue", "tokenise", "encode", "decode")
        }
        self._statements = histogram(
            "statements_per_article", "Statements in an answer.", *_ARTICLE, buckets=_STATEMENTS
        )
        self._batch_seconds = histogram("batch_seconds", "Time of a batch.", "model")
        self._batch_tokens = histogram(
            "batch_tokens", "Tokens of a batch, unpadded.", "model", buckets=_TOKENS
        )
        self._batch_windows = histogram(
            "batch_windows", "Windows of a batch.", "model", buckets=_WINDOWS
        )
        self._padding = histogram(
            "batch_padding_ratio", "Share of padding.", "model", buckets=_RATIOS
        )
        self._shadow_articles = counter(
            "shadow_articles_total", "Articles offered to shadows.", "variant", "outcome"
        )
        self._exposures = counter("exposures_total", "Rows of the exposure log.", "outcome")
        self._feedback = counter("feedback_total", "Verdicts of editors.", "verdict", "client")
        self._reloads = counter("reloads_total", "Reloads of the configuration.", "outcome")

    def watch(self, registry: ModelRegistry, *, serving: Callable[[], bool]) -> None:
        """Tells the state of these models at each scrape."""
        self.registry.register(_Live(registry, serving))

    def in_progress(self, method: str) -> AbstractContextManager[object]:
        return self._in_progress.labels(method).track_inprogress()

    def call_ended(self, call: Call, *, code: str) -> None:
        """``code`` is the name of a gRPC status code."""
        labels = (call.model, call.variant, call.caller.name)
        self._calls.labels(call.method, code, *labels).inc()
        self._call_seconds.labels(call.method, *labels).observe(call.seconds)

    def cancelled(self, call: Call) -> None:
        labels = (call.model, call.variant, call.caller.name)
        self._cancellations.labels(call.method, *labels).inc()

    def answered(
        self,
        *,
        model: str,
        client: str,
        timings: Timings,
        statements: int,
        tokens: int,
        variant: str = "",
    ) -> None:
        labels = (model, variant, client)
        self._articles.labels(*labels).inc()
        self._tokens.labels(*labels).inc(tokens)
        self._article_seconds.labels(*labels).observe(timings.total_s)
        self._steps["queue"].labels(*labels).observe(timings.queue_s)
        self._steps["tokenise"].labels(*labels).observe(timings.tokenise_s)
        self._steps["encode"].labels(*labels).observe(timings.encode_s)
        self._steps["decode"].labels(*labels).observe(timings.decode_s)
        self._statements.labels(*labels).observe(statements)

    def failed(self, reason: str, *, client: str, model: str = "", variant: str = "") -> None:
        """An article, or a call as a whole, got an error; ``model`` empty where none was chosen."""
        self._errors.labels(reason, model, variant, client).inc()
        if reason in REFUSALS:
            self._refusals.labels(reason, model, variant, client).inc()

    def batch(self, model: str, facts: BatchFacts) -> None:
        self._batch_seconds.labels(model).observe(facts.seconds)
        self._batch_tokens.labels(model).observe(facts.tokens)
        self._batch_windows.labels(model).observe(facts.windows)
        self._padding.labels(model).observe(facts.padding_ratio)

    def watch_experiments(
        self, exposures: ExposureLog | None, *, shadows_waiting: Callable[[], int]
    ) -> None:
        """Tells the state of the exposure log and of the shadows at each scrape."""
        self.registry.register(_LiveExperiments(exposures, shadows_waiting))

    def shadowed(self, variant: str, outcome: str) -> None:
        """``outcome``: done, failed or dropped."""
        self._shadow_articles.labels(variant, outcome).inc()

    def exposed(self, outcome: str, rows: int) -> None:
        """``outcome``: written, dropped or unwritable."""
        self._exposures.labels(outcome).inc(rows)

    def feedback(self, verdict: str, *, client: str) -> None:
        """``verdict``: the editor's, or duplicate."""
        self._feedback.labels(verdict, client).inc()

    def reloaded(self, *, done: bool) -> None:
        self._reloads.labels("done" if done else "refused").inc()


class _Live(Collector):
    """Gauges that are asked for rather than kept."""

    def __init__(self, registry: ModelRegistry, serving: Callable[[], bool]) -> None:
        self._registry = registry
        self._serving = serving

    def collect(self) -> Iterator[Metric]:
        hosts = tuple(self._registry)
        yield _gauge(
            "queue_tokens", "Tokens waiting.", ((h.info.tag, h.queued_tokens) for h in hosts)
        )
        yield _gauge(
            "queue_limit_tokens",
            "How many tokens may wait.",
            ((host.info.tag, host.max_queue_tokens) for host in hosts),
        )
        yield _gauge(
            "queue_age_seconds",
            "Longest wait in the queue now.",
            ((host.info.tag, host.oldest_wait_s) for host in hosts),
        )
        info = GaugeMetricFamily(
            "quotewire_model_info", "Loaded models.", labels=["model", "alias"]
        )
        for host in hosts:
            for alias in ("", *self._registry.aliases_of(host)):
                info.add_metric([host.info.tag, alias], 1)
        yield info
        yield GaugeMetricFamily(
            "quotewire_serving", "Whether the server takes calls.", value=int(self._serving())
        )


class _LiveExperiments(Collector):
    """Likewise, of experiments."""

    def __init__(self, exposures: ExposureLog | None, shadows_waiting: Callable[[], int]) -> None:
        self._exposures = exposures
        self._shadows_waiting = shadows_waiting

    def collect(self) -> Iterator[Metric]:
        log = self._exposures
        for name, help_text, value in (
            ("shadow_waiting_articles", "Articles waiting.", self._shadows_waiting()),
            ("exposure_waiting_rows", "Rows waiting.", log.waiting if log else 0),
            ("exposure_age_seconds", "Age of the oldest row.", log.oldest_s if log else 0),
            ("exposure_failing", "Whether the log fails.", int(log.failing) if log else 0),
        ):
            yield GaugeMetricFamily(f"quotewire_{name}", help_text, value=value)


def _gauge(name: str, help_text: str, values: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"quotewire_{name}", help_text, labels=["model"])
    for tag, value in values:
        family.add_metric([tag], value)
    return family


class MetricsPort:
    """``/metrics`` over HTTP, in a thread of its own."""

    def __init__(self, metrics: Metrics, *, host: str, port: int) -> None:
        """Raises ConfigError where it cannot listen there."""
        try:
            self._server, self._thread = start_http_server(
                port, addr=host, registry=metrics.registry
            )
        except OSError as error:
            raise ConfigError(
                f"metrics_host, metrics_port: cannot listen on {host}:{port}: {error.strerror}"
            ) from None
        self.port = int(self._server.server_port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
