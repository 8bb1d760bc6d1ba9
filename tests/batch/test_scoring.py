"""Every record is answered, in order, whatever happens to one of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from quotewire.batch import scoring
from quotewire.batch.records import BadRecord, Reason, Record, SourceRef
from quotewire.batch.scoring import score_records
from quotewire.extraction.scores import WindowScores
from quotewire.extraction.windows import Window
from quotewire.lines import extraction_to_line
from quotewire.types import Article, ExtractOptions
from tests.fakes import FakeModel, fake_extractor

OPTIONS = ExtractOptions()


def article(id: str, text: str = "Ann said the road is shut.") -> Record:
    return Record(Article(id=id, text=text, meta={"desk": id}), SourceRef("in", 0, 1))


def problem(line: int, id: str | None = None) -> BadRecord:
    return BadRecord(SourceRef("in", line - 1, line), Reason.SYNTAX, f"problem of line {line}", id)


def test_each_record_gets_its_line_in_order() -> None:
    extractor = fake_extractor()
    records = [problem(1, "x"), article("a"), problem(2), problem(3), article("b", ""), problem(4)]
    scored = list(score_records(records, extractor=extractor, options=OPTIONS))
    assert [one.record for one in scored] == records
    assert [one.bad for one in scored] == [r if isinstance(r, BadRecord) else None for r in records]
    lines = [one.line for one in scored]
    assert [line["id"] for line in lines] == ["x", "a", None, None, "b", None]
    assert [line["error"] for line in lines] == [
        r.detail if isinstance(r, BadRecord) else None for r in records
    ]
    assert [len(line["statements"]) for line in lines] == [0, 1, 0, 0, 0, 0]
    assert {line["model"] for line in lines} == {"fake@1.0.0"}
    assert lines[1]["meta"] == {"desk": "a"}


def test_a_line_is_what_the_extractor_itself_would_answer_and_tokens_are_counted() -> None:
    extractor = fake_extractor()
    records = [article(str(n), f"Ann said the road {'is ' * n}shut.") for n in range(1, 40)]
    for record, scored in zip(
        records, score_records(records, extractor=extractor, options=OPTIONS), strict=True
    ):
        alone = extractor.extract(record.article, options=OPTIONS)
        assert scored.line == extraction_to_line(record.article, alone)
        windows = extractor.prepare(record.article).windows
        assert scored.tokens == sum(window.pieces for window in windows) > 0


def test_options_reach_the_extractor() -> None:
    record = article("a", "Ann wants the road open.")

    def count(options: ExtractOptions) -> int:
        [scored] = score_records([record], extractor=fake_extractor(), options=options)
        return len(scored.line["statements"])

    assert (count(ExtractOptions()), count(ExtractOptions(all_acts=True))) == (0, 1)


def test_reading_stays_a_bounded_number_of_records_ahead() -> None:
    read = 0

    def records() -> Iterator[Record | BadRecord]:
        nonlocal read
        for n in range(1, 1_001):
            read = n
            yield article(str(n)) if n % 2 else problem(n)

    ahead = [
        read - answered
        for answered, _ in enumerate(
            score_records(records(), extractor=fake_extractor(), options=OPTIONS), start=1
        )
    ]
    assert len(ahead) == 1_000 and max(ahead) < scoring.CHUNK_RECORDS


def test_long_texts_are_not_gathered() -> None:
    records = iter([article("a", "x" * scoring.CHUNK_CHARACTERS), article("b")])
    next(score_records(records, extractor=fake_extractor(), options=OPTIONS))
    assert next(records).article.id == "b"


class Failing(FakeModel):
    """Fails on every batch with a window of exactly ``pieces`` pieces."""

    def __init__(self, pieces: int, error: Exception) -> None:
        super().__init__()
        self.pieces, self.error = pieces, error

    def score(self, windows: list[Window]) -> list[WindowScores]:  # type: ignore[override]
        if any(window.pieces == self.pieces for window in windows):
            raise self.error
        return super().score(windows)


TEXTS = [f"Ann said the road {'is ' * n}shut." for n in range(5)]
UNLUCKY = fake_extractor().prepare(Article(id="", text=TEXTS[3])).windows[0].pieces


def test_an_article_the_extractor_fails_on_costs_only_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing = fake_extractor(model=Failing(UNLUCKY, RuntimeError("out of luck")))
    records = [article(str(n), text) for n, text in enumerate(TEXTS)]
    with caplog.at_level(logging.CRITICAL):
        scored = list(score_records(records, extractor=failing, options=OPTIONS))
    lines = [one.line for one in scored]
    assert [line["id"] for line in lines] == ["0", "1", "2", "3", "4"]
    assert [line["error"] for line in lines if line["id"] != "3"] == [None] * 4
    assert lines[3]["error"] == "the extractor failed: RuntimeError: out of luck"
    assert scored[3].bad is not None and scored[3].bad.reason is Reason.EXTRACTOR


def test_running_out_of_memory_is_not_taken_for_the_article_s_fault() -> None:
    failing = fake_extractor(model=Failing(UNLUCKY, MemoryError()))
    records = [article(str(n), text) for n, text in enumerate(TEXTS)]
    with pytest.raises(MemoryError):
        list(score_records(records, extractor=failing, options=OPTIONS))
