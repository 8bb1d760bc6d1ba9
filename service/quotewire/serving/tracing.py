"""OpenTelemetry traces, where the optional packages are there (``pip install quotewire[otel]``).

One server span a call, continuing the caller's ``traceparent``, with a child span an article and in
it one for each step.  Health and reflection calls are no calls of ours and make no spans.  No span
holds anything of an article's text.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from quotewire.errors import ConfigError
from quotewire.serving.calls import Call, Timings

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider


class Tracing:
    """Spans of calls and articles; does nothing without a provider."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._tracer = provider.get_tracer("quotewire") if provider else None

    @contextmanager
    def call(self, call: Call, metadata: Iterable[tuple[str, str | bytes]]) -> Iterator[None]:
        """The span of a call; end it with ended()."""
        if self._tracer is None:
            yield
            return
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier = {key: value for key, value in metadata if isinstance(value, str)}
        with self._tracer.start_as_current_span(
            f"{call.service}/{call.method}",
            context=TraceContextTextMapPropagator().extract(carrier),
            kind=SpanKind.SERVER,
            attributes={
                "rpc.system": "grpc",
                "rpc.service": call.service,
                "rpc.method": call.method,
                "quotewire.request_id": call.request_id,
            },
            record_exception=False,  # its message may quote an article
            set_status_on_exception=False,
        ):
            yield

    def call_ended(self, call: Call, *, code: int, failed: bool) -> None:
        """``code`` is the gRPC status number; ``failed`` where the server is to blame."""
        if self._tracer is None:
            return
        from opentelemetry.trace import Status, StatusCode, get_current_span

        span = get_current_span()
        span.set_attribute("rpc.grpc.status_code", code)
        span.set_attribute("quotewire.client", call.caller.name)
        span.set_attribute("quotewire.models", sorted(call.models))
        span.set_attribute("quotewire.articles", call.articles)
        span.set_attribute("quotewire.statements", call.statements)
        if failed:
            span.set_status(Status(StatusCode.ERROR))

    def answered(self, timings: Timings, *, model: str, statements: int) -> None:
        """The spans of one article that has just been answered."""
        if self._tracer is None:
            return
        from opentelemetry.trace import set_span_in_context

        end = time.time_ns()
        at = end - int(timings.total_s * 1e9)
        span = self._tracer.start_span(
            "article",
            start_time=at,
            attributes={"quotewire.model": model, "quotewire.statements": statements},
        )
        inside = set_span_in_context(span)
        # One after the other: waiting stands first, although some of it lies between the steps.
        for name, seconds in (
            ("queue", timings.queue_s),
            ("tokenise", timings.tokenise_s),
            ("encode", timings.encode_s),
            ("decode", timings.decode_s),
        ):
            step = self._tracer.start_span(name, context=inside, start_time=at)
            at += int(seconds * 1e9)
            step.end(end_time=at)
        span.end(end_time=end)


def otlp_provider(endpoint: str) -> Any:
    """A provider that sends spans to an OTLP collector over gRPC; shut it down at the end.

    Raises ConfigError where the optional packages are not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigError(
            f"otlp_endpoint: {error.name} is not installed; pip install 'quotewire[otel]'"
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "quotewire"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider
