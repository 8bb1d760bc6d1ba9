"""The local engine answers every record, in order, whatever happens to one of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from quotewire.batch import local
from quotewire.batch.local import score_records
from quotewire.batch.readers import Record
from quotewire.extraction.scores import WindowScores
from quotewire.extraction.windows import Window
from quotewire.lines import extraction_to_line
from quotewire.types import Article, ExtractOptions
from tests.fakes import FakeModel, fake_extractor

OPTIONS = ExtractOptions()


def article(id: str, text: str = "Ann said the road is shut.") -> Record:
    return Record("in", 1, id, Article(id=id, text=text, meta={"desk": id}))


def problem(line: int, id: str | None = None) -> Record:
    return Record("in", line, id, problem=f"problem of line {line}")


def test_each_record_gets_its_line_in_order() -> None:
    extractor = fake_extractor()
    records = [problem(1, "x"), article("a"), problem(2), problem(3), article("b", ""), problem(4)]
    scored = list(score_records(records, extractor=extractor, options=OPTIONS))
    assert [record for record, _ in scored] == records
    lines = [line for _, line in scored]
    assert [line["id"] for line in lines] == ["x", "a", None, None, "b", None]
    assert [line["error"] for line in lines] == [r.problem for r in records]
    assert [len(line["statements"]) for line in lines] == [0, 1, 0, 0, 0, 0]
    assert {line["model"] for line in lines} == {"fake@1.0.0"}
    assert lines[1]["meta"] == {"desk": "a"}


def test_a_line_is_what_the_extractor_itself_would_answer() -> None:
    extractor = fake_extractor()
    records = [article(str(n), f"Ann said the road {'is ' * n}shut.") for n in range(1, 40)]
    for record, line in score_records(records, extractor=extractor, options=OPTIONS):
        assert record.article is not None
        alone = extractor.extract(record.article, options=OPTIONS)
        assert line == extraction_to_line(record.article, alone)


def test_options_reach_the_extractor() -> None:
    record = article("a", "Ann wants the road open.")

    def count(options: ExtractOptions) -> int:
        ((_, line),) = score_records([record], extractor=fake_extractor(), options=options)
        return len(line["statements"])

    assert (count(ExtractOptions()), count(ExtractOptions(all_acts=True))) == (0, 1)


def test_reading_stays_a_bounded_number_of_records_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_CHUNK_RECORDS", 3)
    read = 0

    def records() -> Iterator[Record]:
        nonlocal read
        for n in range(1, 11):
            read = n
            yield article(str(n)) if n % 2 else problem(n)

    ahead = [
        read - answered
        for answered, _ in enumerate(
            score_records(records(), extractor=fake_extractor(), options=OPTIONS), start=1
        )
    ]
    assert len(ahead) == 10 and max(ahead) <= 2


def test_long_texts_are_not_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_CHUNK_CHARACTERS", 100)
    records = iter([article("a", "x" * 100), article("b")])
    next(score_records(records, extractor=fake_extractor(), options=OPTIONS))
    assert next(records).article_id == "b"


class Failing(FakeModel):
    """Fails on every batch with a window of exactly ``pieces`` pieces."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def score(self, windows: list[Window]) -> list[WindowScores]:  # type: ignore[override]
        if any(window.pieces == self.pieces for window in windows):
            raise RuntimeError("out of luck")
        return super().score(windows)


def test_an_article_the_extractor_fails_on_costs_only_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    texts = [f"Ann said the road {'is ' * n}shut." for n in range(5)]
    unlucky = fake_extractor().prepare(Article(id="", text=texts[3])).windows[0].pieces
    records = [article(str(n), text) for n, text in enumerate(texts)]
    with caplog.at_level(logging.CRITICAL):
        lines = [
            line
            for _, line in score_records(
                records, extractor=fake_extractor(model=Failing(unlucky)), options=OPTIONS
            )
        ]
    assert [line["id"] for line in lines] == ["0", "1", "2", "3", "4"]
    assert [line["error"] for line in lines if line["id"] != "3"] == [None] * 4
    assert lines[3]["error"] == "the extractor failed: RuntimeError: out of luck"
