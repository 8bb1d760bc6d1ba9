"""Experiments through a real server: who answers, what the answer says, what the log has."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from quotewire.client import Client
from quotewire.experiments.assignment import draw, text_hash
from quotewire.experiments.records import Role
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1.extraction_service_pb2 import (
    BatchExtractRequest,
    ExtractRequest,
    ExtractStreamRequest,
)
from quotewire.serving.configuration import digest_of_files
from quotewire.types import Article, Assignment
from tests.conftest import ROOT
from tests.fakes import fake_extractor
from tests.serving.harness import (
    ATTITUDE,
    PATIENCE_S,
    POISON,
    SECRET,
    STORY,
    GatedModel,
    PoisonedModel,
    error_info,
    rich_status,
    until,
)
from tests.serving.laboratory import SPLIT, Laboratory


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path)


def expected(unit: str, *, salt: str = "split") -> str:
    return "control" if draw(salt=salt, unit=unit).point < 5000 else "candidate"


MODELS = {"control": "a@1", "candidate": "b@1"}


def test_all_three_methods_split_by_article_and_say_so(laboratory: Laboratory) -> None:
    ids = [f"n{n}" for n in range(24)]
    with laboratory.open(SPLIT) as lab:
        articles = [pb.Article(id=one, text=STORY) for one in ids]
        got = {one: lab.extract(one) for one in ids}
        batch = lab.server.extraction.BatchExtract(
            BatchExtractRequest(articles=articles), timeout=PATIENCE_S
        )
        stream = lab.server.extraction.ExtractStream(
            iter([ExtractStreamRequest(article=one) for one in articles]), timeout=PATIENCE_S
        )
        streamed = {reply.answer.article_id: reply.answer.extraction for reply in stream}
        for one, answer in zip(ids, batch.answers, strict=True):
            assert answer.extraction == got[one]
            assert streamed[one] == got[one]
            assert got[one].assignment == pb.Assignment(
                experiment="split",
                variant=expected(one),
                bucket=draw(salt="split", unit=one).bucket,
            )
            assert got[one].model == MODELS[expected(one)]
            assert len(got[one].statements) == 3
        variants = Counter(expected(one) for one in ids)
        assert len(variants) == 2
        for variant, count in variants.items():
            assert (
                lab.metric(
                    "articles_total",
                    model=MODELS[variant],
                    variant=f"split/{variant}",
                    client="anonymous",
                )
                == 3 * count
            )


def test_the_python_client_tells_the_assignment(laboratory: Laboratory) -> None:
    with laboratory.open(SPLIT) as lab, Client(lab.server.target) as client:
        extraction = client.extract(Article("a1", STORY))
        assert extraction.assignment == Assignment(
            "split", expected("a1"), draw(salt="split", unit="a1").bucket
        )


def test_requests_that_ask_for_a_model_get_it(laboratory: Laboratory) -> None:
    with laboratory.open(SPLIT) as lab:
        for n in range(8):
            answer = lab.extract(f"n{n}", model="a")
            assert (answer.model, answer.HasField("assignment")) == ("a@1", False)
    assert laboratory.rows() == []


def test_articles_outside_the_coverage_are_left_alone(laboratory: Laboratory) -> None:
    ids = [f"n{n}" for n in range(30)]
    with laboratory.open(SPLIT.replace("coverage = 1", "coverage = 0.3")) as lab:
        inside = {one for one in ids if lab.extract(one).HasField("assignment")}
    assert inside == {one for one in ids if draw(salt="split", unit=one).bucket < 3000}
    assert 0 < len(inside) < 30
    assert {row.article_id for row in laboratory.rows()} == inside


def test_a_text_without_id_is_its_own_unit(laboratory: Laboratory) -> None:
    with laboratory.open(SPLIT) as lab:
        first, again = lab.extract(text=STORY), lab.extract(text=f"\n{STORY} ")
        assert first.article_id != again.article_id
        assert first.assignment == again.assignment
    one, other = laboratory.rows()
    assert one.unit_hash == draw(salt="split", unit=f"text:{text_hash(STORY)}").unit_hash
    assert other.unit_hash == one.unit_hash


def test_an_override_and_a_variants_options(laboratory: Laboratory) -> None:
    """The fake model is sure of everything: only what is asked for more surely is left out."""
    toml = SPLIT.replace('model = "b"', 'model = "b"\noptions = { min_confidence = 1 }')
    toml += '[[experiments.overrides]]\nvariant = "candidate"\npublishers = ["Daily Planet"]\n'
    with laboratory.open(toml) as lab:
        answer = lab.extract("a1", publisher="Daily Planet")
        assert answer.assignment.override
        assert answer.assignment.variant == "candidate"
        assert not answer.statements
        request = ExtractRequest(article=pb.Article(id="a1", text=STORY, publisher="Daily Planet"))
        request.options.min_confidence = 0.1
        own = lab.server.extraction.Extract(request, timeout=PATIENCE_S).extraction
        assert len(own.statements) == 3, "the caller's own word goes before the variant's"
    rows = laboratory.rows()
    assert [row.min_confidence for row in rows] == [1, 0.1]
    assert all(row.override and not row.drawn for row in rows)


def test_what_an_exposure_tells(laboratory: Laboratory) -> None:
    before = datetime.now(UTC)
    with laboratory.open(SPLIT) as lab:
        request = ExtractRequest(
            article=pb.Article(
                id="a1", text=STORY, publisher="P" * 300, section="politics", language="en"
            )
        )
        request.options.acts = pb.ACT_SELECTION_ALL
        answer = lab.server.extraction.Extract(request, timeout=PATIENCE_S).extraction
    [row] = laboratory.rows()
    drawn = draw(salt="split", unit="a1")
    assert before <= row.time <= datetime.now(UTC)
    extraction = fake_extractor().extract(Article("a1", STORY))
    assert row == replace(
        row,
        experiment="split",
        salt="split",
        unit="article",
        unit_hash=drawn.unit_hash,
        bucket=drawn.bucket,
        variant=expected("a1"),
        role=Role.SERVED,
        override=False,
        model=answer.model,
        digest="",
        article_id="a1",
        text_hash=text_hash(STORY),
        text_length=len(STORY),
        caller="anonymous",
        publisher="P" * 256,
        section="politics",
        language="en",
        all_acts=True,
        min_confidence=None,
        error=None,
        text=None,
    )
    assert [one.id for one in row.statements] == [one.id for one in answer.statements]
    assert [one.quote for one in row.statements] == [one.quote for one in extraction.statements]
    assert row.tokens > 10
    assert 0 <= row.queue_s <= row.seconds
    text = laboratory.log_text()
    for word in ("Smith", "Reuters", "bridge", "Jones"):
        assert word not in text


def test_texts_are_logged_where_the_experiment_says_so(laboratory: Laboratory) -> None:
    with laboratory.open(SPLIT.replace("coverage = 1", "coverage = 1\nlog_text = true")) as lab:
        lab.extract("a1")
    [row] = laboratory.rows()
    assert row.text == STORY
    assert row.statements == fake_extractor().extract(Article("a1", STORY)).statements


def test_a_variant_that_fails_is_noted(laboratory: Laboratory) -> None:
    laboratory.models = {"a@1": PoisonedModel(), "b@1": PoisonedModel()}
    with laboratory.open(SPLIT) as lab:
        with pytest.raises(grpc.RpcError) as caught:
            lab.extract("a1", text=POISON)
        assert caught.value.code() is grpc.StatusCode.INTERNAL
        batch = lab.server.extraction.BatchExtract(
            BatchExtractRequest(articles=[pb.Article(id="a1", text=POISON)]), timeout=PATIENCE_S
        )
        assert batch.answers[0].HasField("error")
        labels = {"model": MODELS[expected("a1")], "variant": f"split/{expected('a1')}"}
        assert (
            lab.metric("article_errors_total", reason="INTERNAL", client="anonymous", **labels) == 2
        )
    rows = laboratory.rows()
    assert [(row.error, row.variant, row.statements) for row in rows] == [
        ("INTERNAL", expected("a1"), ())
    ] * 2
    assert rows[0].pair != rows[1].pair
    assert SECRET not in laboratory.log_text()


def test_a_caller_who_goes_away_is_noted(laboratory: Laboratory) -> None:
    models = {"a@1": GatedModel(is_open=True), "b@1": GatedModel(is_open=True)}
    laboratory.models = dict(models)
    with laboratory.open(SPLIT) as lab:
        model = models[MODELS[expected("a1")]]
        model.close_gate()
        request = ExtractRequest(article=pb.Article(id="a1", text=STORY))
        call = lab.server.extraction.Extract.future(request, timeout=PATIENCE_S)
        assert model.entered.wait(PATIENCE_S)
        call.cancel()
        lab.server.until_calls(0)
        model.gate.set()
    [row] = laboratory.rows()
    assert (row.error, row.variant) == ("CANCELLED", expected("a1"))


def test_a_request_that_cannot_be_used_is_no_exposure(laboratory: Laboratory) -> None:
    with laboratory.open(SPLIT) as lab:
        with pytest.raises(grpc.RpcError, match="section"):
            lab.extract("a1", section="x" * 257)
        with pytest.raises(grpc.RpcError, match=r"article\.id"):
            lab.extract("x" * 257)
    assert laboratory.rows() == []


def test_the_clients_name_can_be_the_unit(laboratory: Laboratory) -> None:
    toml = SPLIT.replace("coverage = 1", 'coverage = 1\nunit = "caller"')
    tokens = {f"desk{n}": f"desk{n}:a-long-enough-token-{n}" for n in range(6)}
    got = {}
    with laboratory.open(toml, tokens=tuple(tokens.values())) as lab:
        for name, pair in tokens.items():
            with Client(lab.server.target, token=pair.partition(":")[2]) as client:
                answers = [client.extract(Article(f"n{n}", STORY)) for n in range(4)]
                got[name] = {one.assignment.variant for one in answers if one.assignment}
    assert got == {name: {expected(name)} for name in tokens}
    assert {expected(name) for name in tokens} == {"control", "candidate"}
    assert {row.caller for row in laboratory.rows()} == set(tokens)


def test_options_do_not_move_an_article(laboratory: Laboratory) -> None:
    with laboratory.open(SPLIT) as lab:
        text = f"{ATTITUDE}\n{STORY}"
        request = ExtractRequest(article=pb.Article(id="a1", text=text))
        request.options.acts = pb.ACT_SELECTION_ALL
        request.options.offset_encoding = pb.OFFSET_ENCODING_UTF8
        answer = lab.server.extraction.Extract(request, timeout=PATIENCE_S).extraction
        assert answer.assignment == lab.extract("a1", text=text).assignment
        assert len(answer.statements) == 4
    first, second = laboratory.rows()
    assert first.statements[1:] == second.statements, "offsets of the log are code points"


def test_a_long_text_is_hashed_outside_the_event_loop(laboratory: Laboratory) -> None:
    text = f"{STORY}\n" + "x " * 150_000
    with laboratory.open(SPLIT) as lab:
        answer = lab.extract(text=text)
        assert answer.assignment.variant == expected(f"text:{text_hash(text)}")


# ---------------------------------------------------------------- reloads


def test_a_reload_changes_the_experiments(laboratory: Laboratory) -> None:
    with laboratory.open(SPLIT.replace("coverage = 1", "coverage = 0")) as lab:
        assert not lab.extract("a1").HasField("assignment")
        lab.write(SPLIT)
        assert not lab.extract("a1").HasField("assignment")
        lab.reload()
        assert lab.extract("a1").assignment.variant == expected("a1")
        lab.write(SPLIT.replace('"split"', '"second"'))
        lab.reload()
        assert lab.extract("a1").assignment.variant == expected("a1", salt="second")
        assert lab.metric("reloads_total", outcome="done") == 2


def test_variants_may_be_aliases_that_a_reload_moves(laboratory: Laboratory) -> None:
    toml = SPLIT.replace('model = "b"', 'model = "canary"')
    laboratory.write_models("a@1", "b@1", "b@2", canary="b@1")
    unit = next(f"n{n}" for n in range(20) if expected(f"n{n}") == "candidate")
    with laboratory.open(toml) as lab:
        assert lab.extract(unit).model == "b@1"
        lab.write_models("a@1", "b@2", canary="b@2")
        lab.reload()
        assert lab.extract(unit).model == "b@2"


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda lab: lab.write("[[experiments"), "experiments.toml: no TOML"),
        (lambda lab: lab.write(SPLIT.replace('"b"', '"c"')), "variant 'candidate': got .* 'c'"),
        (lambda lab: lab.write(SPLIT.replace("= 1", "= 7")), "coverage: got 7"),
        (lambda lab: lab.path.unlink(), "experiments.toml: No such file"),
        (lambda lab: lab.write_models("a@1"), "variant 'candidate': got the model 'b'"),
    ],
)
def test_a_broken_file_is_refused_and_the_old_one_stays(
    laboratory: Laboratory, break_it: object, reason: str
) -> None:
    assert callable(break_it)
    units = [f"n{n}" for n in range(8)]
    with laboratory.open(SPLIT) as lab:
        before = {unit: lab.extract(unit) for unit in units}
        break_it(lab)
        with pytest.raises(grpc.RpcError, match=reason) as caught:
            lab.reload()
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert error_info(rich_status(caught.value)).reason == "CONFIG_REFUSED"
        assert {unit: lab.extract(unit) for unit in units} == before
        assert lab.metric("reloads_total", outcome="refused") == 1


def test_an_experiment_ends_by_the_clock(laboratory: Laboratory) -> None:
    over = datetime.now(UTC) - timedelta(seconds=1)
    soon = datetime.now(UTC) + timedelta(hours=1)
    for key, time, runs in (("end", over, False), ("end", soon, True), ("start", soon, False)):
        toml = SPLIT.replace("coverage = 1", f"coverage = 1\n{key} = {time.isoformat()}")
        with laboratory.open(toml) as lab:
            assert lab.extract("a1").HasField("assignment") is runs


# ---------------------------------------------------------------- the log


def test_a_log_that_fails_fails_no_call(laboratory: Laboratory) -> None:
    laboratory.log.write_text("in the way", encoding="utf-8")
    place = laboratory.log.parent / "elsewhere"
    with laboratory.open(SPLIT, experiments_log=str(place), exposure_queue_rows=3) as lab:
        place.rmdir() if not any(place.iterdir()) else (place / "feedback.jsonl").unlink()
        if place.exists():
            place.rmdir()
        place.write_text("in the way", encoding="utf-8")
        for n in range(10):
            assert lab.extract(f"n{n}").HasField("assignment")
        until(lambda: lab.metric("exposure_failing") == 1)
        assert lab.metric("exposures_total", outcome="dropped") == 7
        assert lab.metric("exposure_waiting_rows") == 3
        assert lab.metric("exposure_age_seconds") > 0
        place.unlink()
        until(lambda: lab.metric("exposure_failing") == 0)
        until(lambda: lab.metric("exposures_total", outcome="written") == 3)
        lab.extract("n10")
    laboratory.log = place
    assert [row.article_id for row in laboratory.rows()] == ["n0", "n1", "n2", "n10"]


def test_the_digest_is_that_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "Z").write_bytes(b"\0")
    lines = [
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in (("Z", b"\0"), ("config.json", b"{}"))
    ]
    assert digest_of_files(str(tmp_path)) == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_a_model_from_a_folder_has_its_digest_in_the_log(laboratory: Laboratory) -> None:
    folder = laboratory.path.parent / "b@1"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    unit = next(f"n{n}" for n in range(20) if expected(f"n{n}") == "candidate")
    with laboratory.open(SPLIT) as lab:
        lab.extract(unit)
    [row] = laboratory.rows()
    assert row.digest == digest_of_files(str(folder))
    assert (ROOT / "docs" / "experiments.md").read_text("utf-8").count("sha256sum") >= 1
