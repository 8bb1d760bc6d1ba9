"""A server's life: health, reflection, readiness, drain; and as a process."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from quotewire.errors import ConfigError
from quotewire.extraction.extractor import Extractor
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1.extraction_service_pb2 import ExtractRequest, ExtractStreamRequest
from quotewire.pb.v1.extraction_service_pb2_grpc import ExtractionServiceStub
from quotewire.serving.server import SERVICES, Server, run, serve
from tests.fakes import fake_extractor
from tests.serving.harness import (
    PATIENCE_S,
    STORY,
    STORY_QUOTES,
    GatedModel,
    Running,
    error_info,
    rich_status,
    running,
    settings,
    until,
)

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
REQUEST = ExtractRequest(article=pb.Article(text=STORY))


def health(server: Running) -> set[int]:
    """The states of the server as a whole and of each service."""
    stub = health_pb2_grpc.HealthStub(server.channel)
    return {
        stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=PATIENCE_S).status
        for name in ("", *SERVICES)
    }


def test_every_service_has_a_name() -> None:
    assert set(SERVICES) == {
        "quotewire.v1.ExtractionService",
        "quotewire.v1.ModelService",
        "quotewire.v1.FeedbackService",
    }


def test_health_is_not_serving_until_the_model_has_answered() -> None:
    model = GatedModel()
    with running(ready=False) as server:
        assert health(server) == {NOT_SERVING}
        installing = server.install([fake_extractor(model=model)])
        assert model.entered.wait(PATIENCE_S)
        assert health(server) == {NOT_SERVING}, "the warm-up is running"
        model.gate.set()
        installing.result(PATIENCE_S)
        assert health(server) == {SERVING}


def test_calls_before_that_are_told_to_come_again() -> None:
    with running(ready=False) as server:
        with pytest.raises(grpc.RpcError) as caught:
            server.extraction.Extract(REQUEST, timeout=PATIENCE_S)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert error_info(rich_status(caught.value)).reason == "NOT_READY"


def test_a_model_that_fails_its_warm_up_is_told_and_never_serves() -> None:
    class Broken(GatedModel):
        def score(self, windows: object) -> list[object]:  # type: ignore[override]
            raise RuntimeError("broken weights")

    with running(ready=False) as server:
        with pytest.raises(RuntimeError, match="broken weights"):
            server.install([fake_extractor(model=Broken())]).result(PATIENCE_S)
        assert health(server) == {NOT_SERVING}


def test_a_watcher_sees_health_change() -> None:
    with running() as server:
        stub = health_pb2_grpc.HealthStub(server.channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICES[0]), timeout=PATIENCE_S)
        assert next(watch).status == SERVING
        server.begin_drain()
        assert next(watch).status == NOT_SERVING


def test_reflection_lists_the_services() -> None:
    with running() as server:
        stub = reflection_pb2_grpc.ServerReflectionStub(server.channel)
        ask = reflection_pb2.ServerReflectionRequest
        requests = [
            ask(list_services=""),
            ask(file_containing_symbol="quotewire.v1.ExtractionService"),
        ]
        listing, files = stub.ServerReflectionInfo(iter(requests), timeout=PATIENCE_S)
        names = {service.name for service in listing.list_services_response.service}
        assert names >= {*SERVICES, "grpc.health.v1.Health"}
        assert files.file_descriptor_response.file_descriptor_proto


def test_whoever_knows_reflection_alone_can_call() -> None:
    """As grpcurl does: every type of the call is learnt from the server."""
    with running() as server:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(server.channel))
        method = pool.FindServiceByName(SERVICES[0]).FindMethodByName("Extract")
        asked, answered = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
        call = server.channel.unary_unary(
            f"/{SERVICES[0]}/{method.name}",
            request_serializer=asked.SerializeToString,
            response_deserializer=answered.FromString,
        )
        response = MessageToDict(call(ParseDict({"article": {"text": STORY}}, asked())))
        quotes = [one["quote"]["text"] for one in response["extraction"]["statements"]]
        assert quotes == STORY_QUOTES
        for name in SERVICES:
            for each in pool.FindServiceByName(name).methods:
                assert all(map(GetMessageClass, (each.input_type, each.output_type)))


def test_a_drain_finishes_running_calls_and_refuses_new_ones() -> None:
    model = GatedModel(is_open=True)
    with running(fake_extractor(model=model)) as server:
        model.close_gate()
        call = server.extraction.Extract.future(REQUEST, timeout=PATIENCE_S)
        assert model.entered.wait(PATIENCE_S)
        drained = server.begin_drain()
        server.until_draining()
        with pytest.raises(grpc.RpcError) as caught:
            server.extraction.Extract(REQUEST, timeout=PATIENCE_S)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert error_info(rich_status(caught.value)).reason == "DRAINING"
        assert health(server) == {NOT_SERVING}
        assert not call.done()
        model.gate.set()
        assert len(call.result(PATIENCE_S).extraction.statements) == 3
        drained.result(PATIENCE_S)
        with pytest.raises(grpc.RpcError):
            server.extraction.Extract(REQUEST, timeout=1)


def test_a_call_beyond_the_grace_time_is_cut() -> None:
    model = GatedModel(is_open=True)
    with running(fake_extractor(model=model), grace_s=0.05) as server:
        model.close_gate()
        call = server.extraction.Extract.future(REQUEST, timeout=PATIENCE_S)
        assert model.entered.wait(PATIENCE_S)
        drained = server.begin_drain()
        error = call.exception(PATIENCE_S)
        assert isinstance(error, grpc.RpcError)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        model.gate.set()
        drained.result(PATIENCE_S)


async def test_serve_runs_in_the_callers_loop() -> None:
    async with (
        serve(settings(), [fake_extractor()]) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        response = await ExtractionServiceStub(channel).Extract(REQUEST, timeout=PATIENCE_S)
        assert len(response.extraction.statements) == 3


async def test_a_taken_port_is_told() -> None:
    async with serve(settings(), [fake_extractor()]) as port:
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            await Server(settings(port=port)).start()


def test_a_call_has_the_time_that_the_server_gives() -> None:
    model = GatedModel(is_open=True)
    with running(fake_extractor(model=model), max_call_s=0.1) as server:
        model.close_gate()
        with pytest.raises(grpc.RpcError) as caught:
            server.extraction.Extract(REQUEST)  # no deadline of its own
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert error_info(rich_status(caught.value)).reason == "DEADLINE_EXCEEDED"
        requests = iter([ExtractStreamRequest(article=REQUEST.article)])
        [answer] = server.extraction.ExtractStream(requests, timeout=PATIENCE_S)
        assert answer.answer.error.code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
        model.gate.set()


def test_sixty_four_callers_at_once_all_get_their_own_answer() -> None:
    with running() as server:
        texts = [f"Smith said number {n}." for n in range(64)]
        calls = [
            server.extraction.Extract.future(
                ExtractRequest(article=pb.Article(text=text)), timeout=PATIENCE_S
            )
            for text in texts
        ]
        for n, call in enumerate(calls):
            [statement] = call.result().extraction.statements
            assert statement.quote.text == f"number {n}"


PROCESS = """
import logging, sys
from quotewire.serving.server import run
from quotewire.serving.settings import Settings
from tests.fakes import fake_extractor
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
run(Settings(port=0, models=("fake",)), load=lambda source: fake_extractor())
"""


def test_a_server_process_reloads_on_sighup_and_ends_well_on_sigterm() -> None:
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    try:
        assert process.stderr is not None
        port = 0
        for line in process.stderr:
            if match := re.search(r"listening on 127\.0\.0\.1:(\d+)", line):
                port = int(match[1])
            if "serving fake@1.0.0" in line:
                break
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            response = ExtractionServiceStub(channel).Extract(REQUEST, timeout=PATIENCE_S)
        assert len(response.extraction.statements) == 3
        process.send_signal(signal.SIGHUP)
        for line in process.stderr:
            if "configuration loaded: new ('fake@1.0.0',), removed ('fake@1.0.0',)" in line:
                break
        process.send_signal(signal.SIGTERM)
        output, log = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, log
        assert output == "", "a server says what it does by logging only"
        assert "drained" in log
        assert "Traceback" not in log
    finally:
        process.kill()
        process.wait()


def test_told_to_stop_while_it_loads_it_drains_at_once_and_never_serves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    loading, go_on = threading.Event(), threading.Event()

    def load(source: str) -> Extractor:
        loading.set()
        assert go_on.wait(PATIENCE_S)
        return fake_extractor()

    def outside() -> None:
        try:
            assert loading.wait(PATIENCE_S)
            os.kill(os.getpid(), signal.SIGTERM)
            until(lambda: "drained" in caplog.messages)
        finally:
            go_on.set()

    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(outside)
        run(settings(), load=load)
        told.result()
    assert not any(message.startswith("serving") for message in caplog.messages)
