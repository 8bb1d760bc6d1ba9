"""ModelService through a real server."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest

from quotewire.pb.v1.model_service_pb2 import GetModelRequest, ListModelsRequest
from quotewire.serving import convert
from tests.fakes import fake_extractor
from tests.serving.harness import PATIENCE_S, Running, error_info, rich_status, running

EXTRACTORS = [fake_extractor("base", "1.0.0"), fake_extractor("small", "0.2.0")]


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(*EXTRACTORS) as server:
        yield server


def test_all_models_are_listed_the_default_first(server: Running) -> None:
    models = server.models.ListModels(ListModelsRequest(), timeout=PATIENCE_S).models
    infos = [convert.model_from_proto(model) for model in models]
    assert infos == [extractor.info for extractor in EXTRACTORS]
    assert [model.is_default for model in models] == [True, False]
    assert dict(models[0].metrics) == EXTRACTORS[0].info.metrics


@pytest.mark.parametrize(
    ("selector", "name"), [("", "base"), ("small", "small"), ("small@0.2.0", "small")]
)
def test_one_model_is_described(server: Running, selector: str, name: str) -> None:
    request = GetModelRequest(model=selector)
    model = server.models.GetModel(request, timeout=PATIENCE_S).model
    assert model.name == name
    assert model.is_default == (name == "base")


def test_an_unknown_model_is_not_found(server: Running) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        server.models.GetModel(GetModelRequest(model="small@9"), timeout=PATIENCE_S)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert error_info(rich_status(caught.value)).metadata["known"] == "base@1.0.0,small@0.2.0"
