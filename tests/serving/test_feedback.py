"""RecordFeedback through a real server."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import grpc
import pytest

from quotewire.client import Client
from quotewire.errors import InputError
from quotewire.experiments.logs import read_feedback
from quotewire.experiments.records import Verdict
from quotewire.pb.v1 import feedback_service_pb2 as pb
from quotewire.pb.v1.feedback_service_pb2_grpc import FeedbackServiceStub
from tests.experiments.test_postgres import server as postgres_server
from tests.postgres import Postgres
from tests.serving.harness import (
    PATIENCE_S,
    STORY,
    error_info,
    rich_status,
    running,
    violated_field,
)
from tests.serving.laboratory import SPLIT, Laboratory

__all__ = ["postgres_server"]  # a fixture


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path)


def message(**changes: Any) -> pb.Feedback:
    values: dict[str, Any] = {
        "statement_id": "5eb63bbbe01eeed0",
        "article_id": "a1",
        "verdict": pb.VERDICT_ACCEPTED,
        "editor_id": "ed-7",
    }
    return pb.Feedback(**{**values, **changes})


def record(lab: Laboratory, *messages: pb.Feedback) -> list[bool]:
    """For each whether it was new."""
    request = pb.RecordFeedbackRequest(feedback=messages)
    answer = lab.feedback.RecordFeedback(request, timeout=PATIENCE_S)
    return [not receipt.duplicate for receipt in answer.receipts]


def test_feedback_joins_the_exposures(laboratory: Laboratory) -> None:
    with laboratory.open(SPLIT) as lab, Client(lab.server.target) as client:
        extraction = client.extract(STORY)
        verdicts = ("accepted", "rejected", "corrected")
        for statement, verdict in zip(extraction.statements, verdicts, strict=True):
            assert client.record_feedback(
                article_id=extraction.article_id,
                statement_id=statement.id,
                verdict=verdict,
                corrected={"speaker.name": "Brown", "cue": {"start": 3, "end": 7}}
                if verdict == "corrected"
                else None,
                editor="ed-7",
            )
        assert lab.metric("feedback_total", verdict="rejected", client="anonymous") == 1
    [exposure] = laboratory.rows()
    rows = list(read_feedback(str(laboratory.log)))
    assert {row.article_id for row in rows} == {exposure.article_id}
    assert [row.statement_id for row in rows] == [one.id for one in exposure.statements]
    assert [row.verdict for row in rows] == [
        Verdict.ACCEPTED,
        Verdict.REJECTED,
        Verdict.CORRECTED,
    ]
    assert rows[2].corrected == {"speaker.name": "Brown", "cue": {"start": 3, "end": 7}}
    assert rows[0].caller == "anonymous"


def test_the_same_verdict_counts_once_also_after_a_restart(laboratory: Laboratory) -> None:
    mine = message(idempotency_key="k1")
    with laboratory.open(SPLIT) as lab:
        assert record(lab, mine, message()) == [True, True]
        assert record(lab, mine, message(), message(editor_id="ed-8")) == [False, False, True]
        assert lab.metric("feedback_total", verdict="duplicate", client="anonymous") == 2
    with laboratory.open(SPLIT) as lab:
        assert record(lab, mine, message()) == [False, False]
    assert len(list(read_feedback(str(laboratory.log)))) == 3


def test_the_receipt_has_the_key(laboratory: Laboratory) -> None:
    with laboratory.open(SPLIT) as lab:
        request = pb.RecordFeedbackRequest(feedback=[message(), message(idempotency_key="k1")])
        made, own = lab.feedback.RecordFeedback(request, timeout=PATIENCE_S).receipts
        assert made.idempotency_key.startswith("sha256:")
        assert own.idempotency_key == "k1"
        assert record(lab, message(idempotency_key=made.idempotency_key)) == [False]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"statement_id": ""}, "statement_id"),
        ({"article_id": ""}, "article_id"),
        ({"article_id": "x" * 257}, "article_id"),
        ({"editor_id": ""}, "editor_id"),
        ({"idempotency_key": "x" * 257}, "idempotency_key"),
        ({"verdict": pb.VERDICT_UNSPECIFIED}, "verdict"),
        ({"verdict": 77}, "verdict"),
        ({"verdict": pb.VERDICT_CORRECTED}, "corrected"),
        ({"corrected": {"cue": None}}, "corrected"),
        ({"verdict": pb.VERDICT_CORRECTED, "corrected": {"headline": "x"}}, "corrected"),
        ({"verdict": pb.VERDICT_CORRECTED, "corrected": {"cue": math.nan}}, "corrected"),
        ({"verdict": pb.VERDICT_CORRECTED, "corrected": {"cue": "x" * 20_000}}, "corrected"),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_recorded(
    laboratory: Laboratory, changes: dict[str, Any], field: str
) -> None:
    with laboratory.open(SPLIT) as lab:
        with pytest.raises(grpc.RpcError) as caught:
            record(lab, message(), message(**changes))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert violated_field(rich_status(caught.value)) == f"feedback[1].{field}"
    assert not list(read_feedback(str(laboratory.log)))


def test_a_key_used_for_something_else_is_refused(laboratory: Laboratory) -> None:
    with laboratory.open(SPLIT) as lab:
        record(lab, message(idempotency_key="k1"))
        with pytest.raises(grpc.RpcError) as caught:
            record(lab, message(), message(idempotency_key="k1", verdict=pb.VERDICT_REJECTED))
        assert violated_field(rich_status(caught.value)) == "feedback[1].idempotency_key"
        assert record(lab, message()) == [True], "nothing of that call was recorded"


@pytest.mark.parametrize("count", [0, 1001])
def test_the_number_of_verdicts_is_bounded(laboratory: Laboratory, count: int) -> None:
    with laboratory.open(SPLIT) as lab:
        with pytest.raises(grpc.RpcError) as caught:
            record(lab, *[message()] * count)
        assert violated_field(rich_status(caught.value)) == "feedback"


def test_a_log_that_cannot_be_written_is_told_and_nothing_lost(laboratory: Laboratory) -> None:
    with laboratory.open(SPLIT) as lab:
        record(lab, message())
        path = laboratory.log / "feedback.jsonl"
        kept = path.read_bytes()
        path.unlink()
        path.mkdir()
        with pytest.raises(grpc.RpcError) as caught:
            record(lab, message(editor_id="ed-8"))
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        path.rmdir()
        path.write_bytes(kept)
        assert record(lab, message(), message(editor_id="ed-8")) == [False, True]


def test_a_server_without_a_log_refuses() -> None:
    with running() as server, Client(server.target) as client:
        stub = FeedbackServiceStub(server.channel)
        with pytest.raises(grpc.RpcError, match="experiments_log") as caught:
            stub.RecordFeedback(pb.RecordFeedbackRequest(feedback=[message()]), timeout=PATIENCE_S)
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert error_info(rich_status(caught.value)).reason == "CONFIG_REFUSED"
        with pytest.raises(InputError, match="verdict: got 'maybe'"):
            client.record_feedback(
                article_id="a1", statement_id="s1", verdict="maybe", editor="ed-7"
            )


def test_a_log_needs_no_experiments(tmp_path: Path) -> None:
    with running(experiments_log=str(tmp_path)) as server, Client(server.target) as client:
        verdict = {"article_id": "a1", "statement_id": "s1", "editor": "ed-7"}
        assert client.record_feedback(verdict="accepted", **verdict)
        assert not client.record_feedback(verdict="accepted", **verdict)
    assert len(list(read_feedback(str(tmp_path)))) == 1


def test_tokens_are_asked_for_and_name_the_rows(laboratory: Laboratory) -> None:
    with laboratory.open(SPLIT, tokens=("desk:a-long-enough-token",)) as lab:
        with pytest.raises(grpc.RpcError) as caught:
            record(lab, message())
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        with Client(lab.server.target, token="a-long-enough-token") as client:
            client.record_feedback(
                article_id="a1", statement_id="s1", verdict="accepted", editor="ed-7"
            )
    assert [row.caller for row in read_feedback(str(laboratory.log))] == ["desk"]


def test_both_logs_in_postgres(laboratory: Laboratory, postgres_server: Postgres) -> None:
    dsn = postgres_server.dsn
    with laboratory.open(SPLIT, experiments_log=dsn) as lab, Client(lab.server.target) as client:
        extraction = client.extract(STORY)
        assert record(lab, message(article_id=extraction.article_id)) == [True]
        assert record(lab, message(article_id=extraction.article_id)) == [False]
    laboratory.log = Path(dsn)  # never touched: rows() reads by the DSN below
    [row] = read_feedback(dsn)
    assert row.article_id == extraction.article_id
