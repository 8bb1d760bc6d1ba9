"""What a server shows of itself: metrics, timings, request ids, traces and logs."""

from __future__ import annotations

import io
import json
import logging
import re
import urllib.request
from collections.abc import Iterator

import grpc
import pytest
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client.parser import text_string_to_metric_families

from quotewire.client import Client
from quotewire.errors import ConfigError
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1.extraction_service_pb2 import (
    BatchExtractRequest,
    ExtractRequest,
    ExtractStreamRequest,
)
from quotewire.serving.logs import configure_logging
from quotewire.serving.metrics import REFUSALS
from quotewire.serving.tracing import otlp_provider
from quotewire.types import Article
from tests.conftest import ROOT
from tests.fakes import fake_extractor
from tests.serving.harness import (
    PATIENCE_S,
    POISON,
    SECRET,
    STORY,
    GatedModel,
    PoisonedModel,
    Running,
    running,
    settings,
    until,
)

REQUEST = ExtractRequest(article=pb.Article(id="private-id", text=STORY))
ARTICLE = {"model": "fake@1.0.0", "variant": "", "client": "anonymous"}


def sample(server: Running, name: str, **labels: str) -> float:
    return server.server.metrics.registry.get_sample_value(f"quotewire_{name}", labels) or 0.0


# ---------------------------------------------------------------- metrics


def test_an_article_is_measured_by_model_variant_and_client() -> None:
    with running() as server:
        server.extraction.Extract(REQUEST, timeout=PATIENCE_S)
        batch = BatchExtractRequest(articles=[pb.Article(text=STORY)] * 3)
        server.extraction.BatchExtract(batch, timeout=PATIENCE_S)
        stream = iter([ExtractStreamRequest(article=pb.Article(text=STORY))])
        assert len(list(server.extraction.ExtractStream(stream, timeout=PATIENCE_S))) == 1
        assert sample(server, "articles_total", **ARTICLE) == 5
        assert sample(server, "statements_per_article_sum", **ARTICLE) == 15
        windows = fake_extractor().prepare(Article("a", STORY)).windows
        read = 5 * sum(window.pieces for window in windows)
        assert sample(server, "tokens_total", **ARTICLE) == read
        steps = ("queue", "tokenise", "encode", "decode")
        for step in (*steps, "article"):
            assert sample(server, f"{step}_seconds_count", **ARTICLE) == 5
        for step in ("tokenise", "encode", "decode"):
            assert sample(server, f"{step}_seconds_sum", **ARTICLE) > 0
        total = sum(sample(server, f"{step}_seconds_sum", **ARTICLE) for step in steps)
        assert total == pytest.approx(sample(server, "article_seconds_sum", **ARTICLE))
        for method in ("Extract", "BatchExtract", "ExtractStream"):
            labels = {"method": method, **ARTICLE}
            assert sample(server, "calls_total", code="OK", **labels) == 1
            assert sample(server, "call_seconds_count", **labels) == 1
            assert sample(server, "calls_in_progress", method=method) == 0


def test_batches_are_measured_by_model() -> None:
    with running() as server:
        server.extraction.Extract(REQUEST, timeout=PATIENCE_S)
        model = {"model": "fake@1.0.0"}
        count = sample(server, "batch_tokens_count", **model)
        assert count >= 2, "the warm-up and the article"
        for name in ("batch_seconds", "batch_windows", "batch_padding_ratio"):
            assert sample(server, f"{name}_count", **model) == count
        assert sample(server, "batch_padding_ratio_sum", **model) == 0, "each window went alone"


def test_queue_depth_and_age_are_those_of_now() -> None:
    model = GatedModel(is_open=True)
    with running(fake_extractor(model=model)) as server:
        assert sample(server, "queue_age_seconds", model="fake@1.0.0") == 0
        model.close_gate()
        calls = [server.extraction.Extract.future(REQUEST, timeout=PATIENCE_S)]
        assert model.entered.wait(PATIENCE_S)
        calls.append(server.extraction.Extract.future(REQUEST, timeout=PATIENCE_S))
        server.until_queued()
        assert sample(server, "queue_tokens", model="fake@1.0.0") > 0
        assert sample(server, "queue_age_seconds", model="fake@1.0.0") > 0
        assert sample(server, "calls_in_progress", method="Extract") == 2
        model.gate.set()
        for call in calls:
            call.result(PATIENCE_S)
        assert sample(server, "queue_tokens", model="fake@1.0.0") == 0


def test_refusals_and_errors_are_counted_by_reason() -> None:
    with running(fake_extractor(model=PoisonedModel())) as server:
        for article in (pb.Article(text=POISON), pb.Article(id="x" * 300)):
            with pytest.raises(grpc.RpcError):
                server.extraction.Extract(ExtractRequest(article=article), timeout=PATIENCE_S)
        batch = BatchExtractRequest(articles=[pb.Article(text=POISON)])
        server.extraction.BatchExtract(batch, timeout=PATIENCE_S)
        assert sample(server, "article_errors_total", reason="INTERNAL", **ARTICLE) == 2
        assert sample(server, "article_errors_total", reason="INVALID_INPUT", **ARTICLE) == 1
        assert not sample(server, "refusals_total", reason="INTERNAL", **ARTICLE)
    with running(ready=False) as server:
        with pytest.raises(grpc.RpcError):
            server.extraction.Extract(REQUEST, timeout=PATIENCE_S)
        refused = {**ARTICLE, "model": ""}
        assert sample(server, "refusals_total", reason="NOT_READY", **refused) == 1
        assert sample(server, "serving") == 0


def test_callers_who_leave_are_counted() -> None:
    model = GatedModel(is_open=True)
    with running(fake_extractor(model=model)) as server:
        model.close_gate()
        call = server.extraction.Extract.future(REQUEST, timeout=PATIENCE_S)
        assert model.entered.wait(PATIENCE_S)
        call.cancel()
        labels = {"method": "Extract", **ARTICLE}
        until(lambda: sample(server, "cancellations_total", **labels) == 1)
        assert sample(server, "calls_total", code="CANCELLED", **labels) == 1
        model.gate.set()


def test_a_client_who_has_all_answers_has_not_left() -> None:
    with running() as server, Client(server.target) as client:
        articles = [Article(id=str(n), text=STORY) for n in range(3)]
        assert len(list(client.extract_stream(articles, timeout_s=PATIENCE_S))) == 3
        labels = {"method": "ExtractStream", **ARTICLE}
        until(lambda: sample(server, "calls_total", code="OK", **labels) == 1)
        assert not sample(server, "cancellations_total", **labels)


def test_prometheus_can_scrape_them() -> None:
    with running(metrics_port=0) as server:
        server.extraction.Extract(REQUEST, timeout=PATIENCE_S)
        url = f"http://127.0.0.1:{server.server.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            text = answer.read().decode()
        names = {family.name for family in text_string_to_metric_families(text)}
        assert {"quotewire_articles", "quotewire_queue_tokens", "quotewire_serving"} <= names
        assert STORY[:20] not in text


def test_every_metric_is_documented_and_no_other() -> None:
    page = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(quotewire_\w+)`", page, re.MULTILINE))
    with running() as server:
        families = list(server.server.metrics.registry.collect())
    assert documented == {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families
        if family.name.startswith("quotewire_")
    }
    assert all(f"`{reason}`" in page for reason in REFUSALS)


# ---------------------------------------------------------------- timings and request ids


def trailers(call: grpc.Call) -> dict[str, str]:
    return {key: str(value) for key, value in call.trailing_metadata()}


def test_every_answer_tells_where_its_time_went_and_its_id() -> None:
    with running() as server:
        _, call = server.extraction.Extract.with_call(REQUEST, timeout=PATIENCE_S)
        steps = dict(part.split(";dur=") for part in trailers(call)["server-timing"].split(", "))
        assert list(steps) == ["queue", "tokenise", "encode", "decode"]
        assert float(steps["encode"]) > 0
        assert re.fullmatch(r"[0-9a-f]{32}", trailers(call)["x-request-id"])
        metadata = (("x-request-id", "mine-42"),)
        _, call = server.extraction.Extract.with_call(
            REQUEST, timeout=PATIENCE_S, metadata=metadata
        )
        assert trailers(call)["x-request-id"] == "mine-42"
        stream = server.extraction.ExtractStream(
            iter([ExtractStreamRequest(article=pb.Article(text=STORY))]),
            timeout=PATIENCE_S,
            metadata=metadata,
        )
        assert len(list(stream)) == 1
        assert trailers(stream)["x-request-id"] == "mine-42"
        assert trailers(stream)["server-timing"]
        with pytest.raises(grpc.RpcError) as caught:
            server.extraction.Extract(ExtractRequest(), timeout=PATIENCE_S, metadata=metadata)
        assert trailers(caught.value)["x-request-id"] == "mine-42"  # type: ignore[arg-type]


def test_an_id_that_is_no_short_word_is_replaced() -> None:
    with running() as server:
        metadata = (("x-request-id", "two words"),)
        _, call = server.extraction.Extract.with_call(
            REQUEST, timeout=PATIENCE_S, metadata=metadata
        )
        assert re.fullmatch(r"[0-9a-f]{32}", trailers(call)["x-request-id"])


# ---------------------------------------------------------------- traces


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def provider(spans: InMemorySpanExporter) -> TracerProvider:
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(spans))
    return made


def test_a_call_is_traced_as_part_of_its_callers_trace(spans: InMemorySpanExporter) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    with running(tracer_provider=provider(spans)) as server:
        stub = health_pb2_grpc.HealthStub(server.channel)
        stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S)
        metadata = (("traceparent", f"00-{trace_id}-b7ad6b7169203331-01"),)
        server.extraction.Extract(REQUEST, timeout=PATIENCE_S, metadata=metadata)
    by_name = {span.name: span for span in spans.get_finished_spans()}
    assert by_name.keys() == {
        "quotewire.v1.ExtractionService/Extract",
        "article",
        "queue",
        "tokenise",
        "encode",
        "decode",
    }, "and none of the health call"
    assert {format(span.context.trace_id, "032x") for span in by_name.values()} == {trace_id}  # type: ignore[union-attr]
    call = by_name["quotewire.v1.ExtractionService/Extract"]
    assert call.parent is not None
    assert format(call.parent.span_id, "016x") == "b7ad6b7169203331"
    assert call.attributes is not None
    assert call.attributes["rpc.grpc.status_code"] == 0
    assert call.attributes["quotewire.statements"] == 3
    assert by_name["article"].parent == call.context
    assert by_name["encode"].parent == by_name["article"].context


def test_a_failed_call_is_traced_without_its_text(spans: InMemorySpanExporter) -> None:
    with (
        running(fake_extractor(model=PoisonedModel()), tracer_provider=provider(spans)) as server,
        pytest.raises(grpc.RpcError),
    ):
        server.extraction.Extract(
            ExtractRequest(article=pb.Article(text=POISON)), timeout=PATIENCE_S
        )
    [span] = spans.get_finished_spans()
    assert isinstance(span, ReadableSpan)
    assert span.status.status_code is StatusCode.ERROR
    assert SECRET not in span.to_json()
    assert POISON not in span.to_json()


def test_an_endpoint_makes_a_provider() -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc")
    otlp_provider("http://127.0.0.1:1").shutdown()


# ---------------------------------------------------------------- logs


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(stream=stream, level="debug", format_="json")
    yield stream
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()


def test_logs_are_json_with_the_requests_id_and_no_text(log: io.StringIO) -> None:
    with running(fake_extractor(model=PoisonedModel())) as server:
        metadata = (("x-request-id", "mine-42"),)
        server.extraction.Extract(REQUEST, timeout=PATIENCE_S, metadata=metadata)
        with pytest.raises(grpc.RpcError):
            server.extraction.Extract(
                ExtractRequest(article=pb.Article(text=POISON)),
                timeout=PATIENCE_S,
                metadata=metadata,
            )
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    good, bad = (line for line in lines if line["event"] == "call")
    assert good["request_id"] == bad["request_id"] == "mine-42"
    assert (good["method"], good["code"], good["client"]) == ("Extract", "OK", "anonymous")
    assert (good["statements"], good["models"]) == (3, ["fake@1.0.0"])
    assert (bad["code"], bad["reason"], bad["level"]) == ("INTERNAL", "INTERNAL", "info")
    assert all({"timestamp", "level", "logger"} <= line.keys() for line in lines)
    [internal] = [line for line in lines if line["event"].startswith("internal error")]
    assert internal["request_id"] == "mine-42"
    for secret in (STORY[:20], POISON, SECRET, "private-id"):
        assert secret not in log.getvalue()


def test_text_is_for_people() -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    try:
        configure_logging(stream=stream, level="info", format_="text")
        logging.getLogger("quotewire.test").info("listening on %d", 7)
        assert "listening on 7" in stream.getvalue()
        assert not stream.getvalue().startswith("{")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def test_an_unknown_format_is_refused() -> None:

    with pytest.raises(ConfigError, match="log_format: got 'xml'"):
        settings(log_format="xml")
