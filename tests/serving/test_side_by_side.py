"""A server that computes two batches at once."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from quotewire.extraction.scores import WindowScores
from quotewire.extraction.windows import Window
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1.extraction_service_pb2 import ExtractRequest
from tests.fakes import fake_extractor
from tests.serving.harness import PATIENCE_S, POISON, GatedModel, PoisonedModel, running, until

# Two windows of like length.
LONG = "The day went on as days do. " * 70 + "\nLee said nothing about it."
TWO = {"model_threads": 2, "model_batches": 2}


class CountingModel(GatedModel):
    """Knows how many windows each batch that entered has, also while they are held back."""

    def __init__(self) -> None:
        super().__init__(is_open=True)
        self.sizes: list[int] = []

    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        self.sizes.append(len(windows))
        return super().score(windows)


def request(text: str) -> ExtractRequest:
    return ExtractRequest(article=pb.Article(text=text))


def test_an_articles_windows_are_read_side_by_side_and_a_drain_waits_for_both() -> None:
    model = CountingModel()
    with running(fake_extractor(model=model), **TWO) as server:
        model.close_gate()
        model.sizes.clear()
        call = server.extraction.Extract.future(request(LONG), timeout=PATIENCE_S)
        until(lambda: len(model.sizes) == 2)
        late = server.extraction.Extract.future(request(LONG), timeout=PATIENCE_S)
        server.until_queued()
        drained = server.begin_drain()
        server.until_draining()
        assert not drained.done()
        model.gate.set()
        for each in (call, late):
            [statement] = each.result(PATIENCE_S).extraction.statements
            assert statement.quote.spans
        drained.result(PATIENCE_S)
    assert model.sizes[:2] == [1, 1]
    assert sum(model.sizes) == 4


def test_what_fails_beside_others_fails_alone() -> None:
    with running(fake_extractor(model=PoisonedModel()), **TWO) as server:
        for _ in range(5):
            calls = [
                server.extraction.Extract.future(request(text), timeout=PATIENCE_S)
                for text in (LONG, POISON, LONG, POISON, "Lee said so.")
            ]
            outcomes = []
            for call in calls:
                try:
                    outcomes.append(len(call.result(PATIENCE_S).extraction.statements))
                except grpc.RpcError as error:
                    outcomes.append(error.code())
            assert outcomes == [1, grpc.StatusCode.INTERNAL, 1, grpc.StatusCode.INTERNAL, 1]
