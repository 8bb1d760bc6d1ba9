"""Shadow models: they see what callers sent, and callers never see them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import grpc
import pytest

from quotewire.experiments.assignment import (
    BUCKETS,
    Chosen,
    Experiment,
    Unit,
    Variant,
    draw,
)
from quotewire.experiments.records import Role
from quotewire.extraction.scores import WindowScores
from quotewire.extraction.windows import Window
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1.extraction_service_pb2 import BatchExtractRequest, ExtractRequest
from quotewire.serving.foreground import Foreground
from quotewire.serving.metrics import Metrics
from quotewire.serving.registry import ModelRegistry
from quotewire.serving.shadows import Shadows
from quotewire.serving.trials import Arrived
from quotewire.types import Article, ExtractOptions
from tests.fakes import FakeModel
from tests.serving.harness import (
    PATIENCE_S,
    POISON,
    STORY,
    GatedModel,
    PoisonedModel,
    until,
)
from tests.serving.laboratory import SHADOW, SPLIT, Laboratory

NEXT = {"variant": "shadow/next"}


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path)


class EndlessModel(FakeModel):
    """Computes until it is to end; ``goes_on``: whether it does."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = True
        self._steps = 0

    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        while not self.ends:
            self._step()
        return super().score(windows)

    def _step(self) -> None:
        self._steps += 1

    @property
    def goes_on(self) -> bool:
        before = self._steps
        time.sleep(0.1)
        return self._steps != before


def offered(lab: Laboratory, outcome: str) -> float:
    return lab.metric("shadow_articles_total", outcome=outcome, **NEXT)


def test_a_shadow_scores_what_callers_were_answered(laboratory: Laboratory) -> None:
    with laboratory.open(SHADOW) as lab:
        for n in range(5):
            answer = lab.extract(f"n{n}")
            assert (answer.model, answer.assignment.variant) == ("a@1", "base")
        until(lambda: offered(lab, "done") == 5)
        assert lab.metric("articles_total", model="b@1", client="anonymous", **NEXT) == 0, (
            "what callers got is counted, nothing else"
        )
    rows = laboratory.rows()
    served = {row.pair: row for row in rows if row.role is Role.SERVED}
    shadows = {row.pair: row for row in rows if row.role is Role.SHADOW}
    assert served.keys() == shadows.keys()
    assert len(served) == 5
    for pair, row in shadows.items():
        assert (row.model, row.variant) == ("b@1", "next")
        assert row.article_id == served[pair].article_id
        assert row.unit_hash == served[pair].unit_hash
        assert row.statements == served[pair].statements, "both are fakes of one kind"
        assert row.tokens == served[pair].tokens
        assert row.id != served[pair].id


def test_callers_are_answered_while_the_shadow_is_stuck(laboratory: Laboratory) -> None:
    """With the shadow held back, single calls and batches go through; what finds no room is dropped
    and counted."""
    model = GatedModel(is_open=True)
    laboratory.models["b@1"] = model
    with laboratory.open(SHADOW, shadow_queue_articles=6, workers=1) as lab:
        model.close_gate()
        lab.extract("n0")
        assert model.entered.wait(PATIENCE_S), "the shadow is in its model"
        for n in range(1, 20):
            assert len(lab.extract(f"n{n}").statements) == 3
        batch = BatchExtractRequest(
            articles=[pb.Article(id=f"m{n}", text=STORY) for n in range(20)]
        )
        answers = lab.server.extraction.BatchExtract(batch, timeout=PATIENCE_S).answers
        assert all(answer.HasField("extraction") for answer in answers)
        # 40 were offered; 6 wait, at most 4 are in work.
        assert offered(lab, "done") == 0
        assert 40 - 6 - 4 <= offered(lab, "dropped") <= 40 - 6 - 1
        assert lab.metric("shadow_waiting_articles") == 6
        model.gate.set()
        until(lambda: offered(lab, "done") + offered(lab, "dropped") == 40)
        assert len(lab.extract("n99").statements) == 3
        until(lambda: offered(lab, "done") + offered(lab, "dropped") == 41)
        done = offered(lab, "done")
    roles = [row.role for row in laboratory.rows()]
    assert roles.count(Role.SERVED) == 41
    assert roles.count(Role.SHADOW) == done


def test_a_shadow_stands_back_while_callers_are_served(laboratory: Laboratory) -> None:
    """Its model sees nothing while an article of a caller is in work on another model."""
    front, shadow = GatedModel(is_open=True), GatedModel(is_open=True)
    laboratory.models.update({"a@1": front, "b@1": shadow})
    with laboratory.open(SHADOW) as lab:
        lab.extract("n0")
        until(lambda: offered(lab, "done") == 1)
        front.close_gate()
        request = ExtractRequest(article=pb.Article(id="n1", text=STORY))
        waiting = lab.server.extraction.Extract.future(request, timeout=PATIENCE_S)
        assert front.entered.wait(PATIENCE_S)
        seen = len(shadow.batches)
        # Calls to the other model are answered meanwhile, and offered nothing to the shadow.
        for _ in range(3):
            lab.extract("n2", model="b")
        assert len(shadow.batches) == seen + 3
        shadow.batches.clear()
        assert lab.metric("shadow_waiting_articles") == 0
        front.gate.set()
        waiting.result(PATIENCE_S)
        until(lambda: offered(lab, "done") == 2)
        assert len(shadow.batches) == 1


def test_a_shadow_stands_still_in_the_middle_of_its_model(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine a quarter of a second may pass unseen.
    patient = partial(Foreground, longest_pause_s=PATIENCE_S)
    monkeypatch.setattr("quotewire.serving.experiments.Foreground", patient)
    front, shadow = GatedModel(is_open=True), EndlessModel()
    laboratory.models.update({"a@1": front, "b@1": shadow})
    with laboratory.open(SHADOW) as lab:
        shadow.ends = False
        lab.extract("n0")
        until(lambda: shadow.goes_on)
        front.close_gate()
        request = ExtractRequest(article=pb.Article(id="n1", text=STORY))
        waiting = lab.server.extraction.Extract.future(request, timeout=PATIENCE_S)
        until(lambda: not shadow.goes_on)
        front.gate.set()
        waiting.result(PATIENCE_S)
        until(lambda: shadow.goes_on)
        # Who asks for this very model does not wait until it has stood still long enough.
        asked = ExtractRequest(article=pb.Article(id="n2", text=STORY), model="b")
        waiting = lab.server.extraction.Extract.future(asked, timeout=PATIENCE_S)
        until(lambda: shadow.goes_on)
        shadow.ends = True
        assert waiting.result(PATIENCE_S).extraction.model == "b@1"
        until(lambda: offered(lab, "done") == 2)


def test_a_shadow_waits_while_any_model_has_callers(laboratory: Laboratory) -> None:
    other, shadow = GatedModel(is_open=True), GatedModel(is_open=True)
    laboratory.models.update({"c@1": other, "b@1": shadow})
    laboratory.write_models("a@1", "b@1", "c@1")
    with laboratory.open(SHADOW) as lab:
        shadow.batches.clear()  # the warm-up's
        other.close_gate()
        request = ExtractRequest(article=pb.Article(id="slow", text=STORY), model="c")
        waiting = lab.server.extraction.Extract.future(request, timeout=PATIENCE_S)
        assert other.entered.wait(PATIENCE_S)
        for n in range(3):
            assert lab.extract(f"n{n}").model == "a@1"
        assert lab.metric("shadow_waiting_articles") == 3
        assert not shadow.batches
        other.gate.set()
        waiting.result(PATIENCE_S)
        until(lambda: offered(lab, "done") == 3)


def test_a_shadow_of_the_serving_model_itself(laboratory: Laboratory) -> None:
    toml = SHADOW.replace('model = "b"', 'model = "a"\noptions = { min_confidence = 1 }')
    with laboratory.open(toml) as lab:
        assert len(lab.extract("n0").statements) == 3
        until(lambda: offered(lab, "done") == 1)
    served, shadow = laboratory.rows()
    assert (len(served.statements), len(shadow.statements)) == (3, 0)
    assert (served.model, shadow.model) == ("a@1", "a@1")


def test_a_shadow_that_fails_is_noted_and_fails_nobody(laboratory: Laboratory) -> None:
    laboratory.models["b@1"] = PoisonedModel()
    with laboratory.open(SHADOW) as lab:
        lab.extract("n0", text=POISON)
        lab.extract("n1")
        until(lambda: offered(lab, "failed") + offered(lab, "done") == 2)
        assert offered(lab, "failed") == 1
        assert lab.metric("article_errors_total", reason="INTERNAL", model="b@1") == 0
    shadows = {row.article_id: row.error for row in laboratory.rows() if row.role is Role.SHADOW}
    assert shadows == {"n0": "INTERNAL", "n1": None}


def test_what_failed_for_its_caller_has_no_shadow(laboratory: Laboratory) -> None:
    laboratory.models["a@1"] = PoisonedModel()
    with laboratory.open(SHADOW) as lab:
        with pytest.raises(grpc.RpcError):
            lab.extract("n0", text=POISON)
        lab.extract("n1")
        until(lambda: offered(lab, "done") == 1)
    assert [row.article_id for row in laboratory.rows() if row.role is Role.SHADOW] == ["n1"]


async def test_what_waits_is_bounded_by_its_text_too() -> None:
    """Eight million code points fit twice."""
    foreground, metrics = Foreground(), Metrics()
    shadows = Shadows(
        ModelRegistry(),
        foreground=foreground,
        metrics=metrics,
        note=lambda row: None,
        max_articles=100,
    )
    shadow = Variant(name="next", model="b", weight=0, shadow=True)
    experiment = Experiment(
        name="e", salt="e", unit=Unit.ARTICLE, covered=BUCKETS, variants=[shadow]
    )
    chosen = Chosen(experiment, shadow, draw(salt="e", unit="a1"), False)
    arrived = Arrived(Article("a1", "x" * 8_000_000), "desk", ExtractOptions(), chosen)
    with foreground.article():
        assert [shadows.offer(arrived, shadow) for _ in range(3)] == [True, True, False]
        assert shadows.waiting == 2
        await shadows.close()
    labels = {"variant": "e/next", "outcome": "dropped"}
    assert metrics.registry.get_sample_value("quotewire_shadow_articles_total", labels) == 3


def test_a_server_that_ends_drops_its_shadows(laboratory: Laboratory) -> None:
    model = GatedModel(is_open=True)
    laboratory.models["b@1"] = model
    with laboratory.open(SHADOW, grace_s=1) as lab:
        model.close_gate()
        for n in range(10):
            lab.extract(f"n{n}")
        assert model.entered.wait(PATIENCE_S)
        ending = lab.server.begin_drain()
        until(lambda: offered(lab, "dropped") == 10)
        model.gate.set()
        ending.result(PATIENCE_S)
    assert {row.role for row in laboratory.rows()} == {Role.SERVED}


def test_split_and_shadow_go_together(laboratory: Laboratory) -> None:
    toml = SPLIT + '[[experiments.variants]]\nname = "next"\nmodel = "b@1"\nshadow = true\n'
    with laboratory.open(toml) as lab:
        for n in range(10):
            lab.extract(f"n{n}")
        until(
            lambda: lab.metric("shadow_articles_total", variant="split/next", outcome="done") == 10
        )
    rows = laboratory.rows()
    assert {row.variant for row in rows if row.role is Role.SERVED} == {"control", "candidate"}
    assert sum(row.role is Role.SHADOW for row in rows) == 10
