"""Gold and prediction files: what is read, and what is refused with which words."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from quotewire.errors import InputError
from quotewire.evaluation.agreement import agreement_of_files
from quotewire.evaluation.command import compare_files, evaluate_files
from quotewire.evaluation.gold import read_gold
from quotewire.evaluation.rows import LAYERS, trimmed
from quotewire.evaluation.score import score_lines
from quotewire.lines import extraction_to_line
from quotewire.types import Act, IntermediaryKind, Span, SpeakerType
from tests.fakes import fake_extractor

TEXT = "Ann said Bob told Radio the dam holds. Cy wants rain."


def span(words: str) -> list[int]:
    return [TEXT.index(words), TEXT.index(words) + len(words)]


OUTER = {
    "source": [span("Ann")],
    "cue": [span("said")],
    "content": [span("Bob told Radio the dam holds")],
}
WISH = {"source": [span("Cy")], "cue": [span("wants")], "content": [span("rain")]}
PLAIN = {
    "act": "statement",
    "speaker": "Ann",
    "speaker_type": "person",
    "intermediary": None,
    "intermediary_kind": None,
    "addressee": None,
    "nested": False,
}
INNER = {
    "source": [span("Bob")],
    "cue": [span("told")],
    "content": [span("the dam holds")],
    **PLAIN,
    "speaker": "Bob",
    "intermediary": span("Radio"),
    "intermediary_kind": "outlet",
    "nested": True,
}
CORPUS = {
    "id": "a",
    "text": TEXT,
    "title": "Dam",
    "publisher": "post",
    "annotations": [
        {"annotator": "x", "attributions": [OUTER, WISH]},
        {"annotator": "y", "attributions": [OUTER]},
    ],
}
LAYER = {
    "id": "a",
    "statements": [
        {**OUTER, **PLAIN},
        {**WISH, **PLAIN, "act": "attitude", "speaker": None, "speaker_type": None},
        INNER,
    ],
}
STATEMENT = {
    "id": "s1",
    "act": "statement",
    "confidence": 0.9,
    "reported_in": None,
    "quote": {"spans": [{"start": 9, "end": 37}]},
    "speaker": {"name": "Ann", "type": "person", "mention": {"start": 0, "end": 3, "text": "Ann"}},
    "cue": {"start": 4, "end": 8, "text": "said"},
    "intermediaries": [],
    "addressee": None,
}
LINE = {"id": "a", "model": "m@1.0.0", "statements": [STATEMENT], "error": None}


def write(path: Path, *lines: Any) -> Path:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8") as file:
        for line in lines:
            file.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
    return path


def test_corpus_gold_is_the_first_annotator(tmp_path: Path) -> None:
    (article,) = read_gold(write(tmp_path / "gold.jsonl.gz", CORPUS))
    assert (article.id, article.title, article.publisher) == ("a", "Dam", "post")
    assert [row.cue.slice(TEXT) for row in article.rows] == ["said", "wants"]
    assert article.labelled == frozenset()
    assert article.article.text == TEXT


def test_layer_adds_everything_else(tmp_path: Path) -> None:
    corpus = write(tmp_path / "gold.jsonl", CORPUS, {**CORPUS, "id": "b"})
    layer = write(tmp_path / "layer.jsonl.gz", LAYER)
    (article,) = read_gold(corpus, layer=layer)  # b is not covered
    said, wants, told = article.rows
    assert article.labelled == LAYERS
    assert (said.act, said.speaker, said.speaker_type) == (
        Act.STATEMENT,
        "Ann",
        SpeakerType.PERSON,
    )
    assert (wants.act, wants.speaker, wants.speaker_type) == (Act.ATTITUDE, None, None)
    assert (told.nested, told.reported_in) == (True, 0)
    assert [(via.span.slice(TEXT), via.kind) for via in told.via] == [
        ("Radio", IntermediaryKind.OUTLET)
    ]


def test_a_nested_statement_belongs_to_the_innermost_one_around_it(tmp_path: Path) -> None:
    innermost = {**INNER, "cue": [span("holds")], "content": [span("dam")], "source": []}
    layer = {**LAYER, "statements": [*LAYER["statements"], innermost]}
    (article,) = read_gold(
        write(tmp_path / "gold.jsonl", CORPUS), layer=write(tmp_path / "layer.jsonl", layer)
    )
    assert [row.reported_in for row in article.rows] == [None, None, 0, 2]


def test_white_space_at_the_ends_of_a_span_is_not_compared() -> None:
    assert trimmed(Span(3, 9), TEXT).slice(TEXT) == "said"
    assert trimmed(Span(3, 4), TEXT) == Span(3, 4)


def test_our_own_lines_are_gold_too(tmp_path: Path) -> None:
    gold = write(tmp_path / "gold.jsonl", {**LINE, "text": TEXT, "publisher": "own"})
    (article,) = read_gold(gold)
    assert article.publisher == "own"
    assert article.labelled == LAYERS
    report = evaluate_files(gold, write(tmp_path / "pred.jsonl", LINE))
    assert report.value("exact_f1") == report.value("speaker_name_accuracy") == 1.0
    assert "model:m@1.0.0" in str(report.signature)


def test_layers_of_our_own_lines_are_those_whose_keys_are_there(tmp_path: Path) -> None:
    bare = {key: STATEMENT[key] for key in ("cue", "quote", "act")}
    line = {"id": "a", "text": TEXT, "statements": [bare]}
    (article,) = read_gold(write(tmp_path / "gold.jsonl", line))
    assert article.labelled == {"act"}
    (article,) = read_gold(write(tmp_path / "named.jsonl", {**line, "labelled": ["nested"]}))
    assert article.labelled == {"nested"}


def test_texts_may_lie_in_a_file_of_their_own(tmp_path: Path) -> None:
    gold = write(tmp_path / "gold.jsonl", LINE)
    texts = write(tmp_path / "texts.jsonl", {"id": "a", "text": TEXT, "publisher": "own"})
    (article,) = read_gold(gold, texts=texts)
    assert (article.text, article.publisher) == (TEXT, "own")


def test_what_the_extractor_answers_scores_perfectly_against_itself() -> None:
    from quotewire.evaluation.gold import json_articles
    from quotewire.types import Article, ExtractOptions

    text = "Ann said the dam holds.\n\nBob told Radio nothing new happened.\n\nCy wants rain."
    article = Article(id="a", text=text)
    answer = fake_extractor().extract(article, options=ExtractOptions(all_acts=True))
    line = extraction_to_line(article, answer)
    assert len(line["statements"]) == 3
    gold = json_articles([("line 1", {**line, "text": text})])
    report = score_lines(gold, [line])
    for metric in ("source_f1", "cue_f1", "content_f1", "exact_f1", "soft_f1", "act_accuracy"):
        assert report.value(metric) == 1.0
    assert report.value("intermediary_f1") == 1.0


REFUSED_PREDICTIONS = [
    ([{**LINE, "id": "b"}], r"pred.jsonl:1: id: got 'b'; allowed: the id of a gold article"),
    ([LINE, LINE], r"pred.jsonl:2: id: got 'a'; allowed: one line for each article"),
    ([], r"predictions: got 1 of 1 gold articles without one, first 'a'"),
    (["{broken"], r"pred.jsonl:1: got '\{broken' \(.* at column 2\)"),
    (["[1]"], r"pred.jsonl:1: got list; allowed: one JSON object a line"),
    ([{"statements": []}], r"pred.jsonl:1: id: got nothing"),
    ([{"id": "a"}], r"pred.jsonl:1: statements: got nothing; allowed: a JSON list"),
    ([{**LINE, "error": "too long"}], r"first 'a' \(pred.jsonl:1 has the error 'too long'\)"),
]


@pytest.mark.parametrize(("lines", "message"), REFUSED_PREDICTIONS)
def test_refused_prediction_lines(tmp_path: Path, lines: list[Any], message: str) -> None:
    gold = write(tmp_path / "gold.jsonl", CORPUS)
    with pytest.raises(InputError, match=message):
        evaluate_files(gold, write(tmp_path / "pred.jsonl", *lines))


REFUSED_STATEMENTS = [
    ({"cue": {"start": 4, "end": 99}}, r"statements\[0\].cue: got .*0 <= start < end <= 53"),
    ({"cue": {"start": 8, "end": 8}}, r"statements\[0\].cue"),
    ({"cue": None}, r"statements\[0\].cue: got None"),
    ({"cue": {"start": 4, "end": 8, "text": "told"}}, r"cue.text: got 'told'; .*'said'"),
    ({"cue": {"start": 4.0, "end": 8}}, r"statements\[0\].cue"),
    ({"act": "guess"}, r"statements\[0\].act: got 'guess'; allowed: statement, attitude or null"),
    ({"confidence": 1.5}, r"statements\[0\].confidence: got 1.5; allowed: a number in \[0, 1\]"),
    ({"confidence": True}, r"statements\[0\].confidence"),
    ({"reported_in": "s9"}, r"statements\[0\].reported_in: got 's9'"),
    ({"speaker": {"name": 7}}, r"statements\[0\].speaker.name: got 7"),
    ({"speaker": {"type": "robot"}}, r"statements\[0\].speaker.type: got 'robot'"),
    ({"speaker": "Ann"}, r"statements\[0\].speaker: got 'Ann'; allowed: a JSON object"),
    ({"quote": {"spans": {"start": 1}}}, r"statements\[0\].quote.spans: got .* a JSON list"),
    ({"intermediaries": [{"kind": "outlet"}]}, r"intermediaries\[0\].mention: got None"),
    ({"intermediaries": [{"mention": [18, 23], "kind": "tv"}]}, r"\[0\].kind: got 'tv'"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED_STATEMENTS)
def test_refused_statements(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    gold = write(tmp_path / "gold.jsonl", CORPUS)
    line = {**LINE, "statements": [{**STATEMENT, **change}]}
    with pytest.raises(InputError, match=message):
        evaluate_files(gold, write(tmp_path / "pred.jsonl", line))


def test_a_statement_id_stands_once(tmp_path: Path) -> None:
    gold = write(tmp_path / "gold.jsonl", CORPUS)
    pred = write(tmp_path / "pred.jsonl", {**LINE, "statements": [STATEMENT, STATEMENT]})
    with pytest.raises(InputError, match="a statement id used twice"):
        evaluate_files(gold, pred)


def test_allowed_missing_counts_as_empty_and_is_named(tmp_path: Path) -> None:
    gold = write(tmp_path / "gold.jsonl", CORPUS, {**CORPUS, "id": "b"}, {**CORPUS, "id": "c"})
    failed = {"id": "b", "model": "m@1.0.0", "statements": [], "error": "too long"}
    report = evaluate_files(gold, write(tmp_path / "pred.jsonl", LINE, failed), allow_missing=True)
    assert report.missing == ("b", "c")
    assert report.value("cue_recall") == pytest.approx(1 / 6)
    assert report.value("cue_precision") == 1.0


REFUSED_GOLD = [
    ([], None, "no lines"),
    ([CORPUS, CORPUS], None, r"gold.jsonl:2: id: got 'a'; allowed: each id once"),
    ([{**CORPUS, "annotations": []}], None, "one annotator or more"),
    ([{**CORPUS, "text": None}], None, r"gold.jsonl:1: text: got nothing"),
    ([LINE], None, r"gold.jsonl:1: text: got nothing; allowed: the article's text"),
    ([{**LINE, "text": TEXT, "labelled": ["taste"]}], None, r"labelled: got \['taste'\]"),
    ([CORPUS], [{**LAYER, "id": "z"}], r"layer.jsonl:1: id: got 'z'"),
    ([CORPUS], [{"id": "a", "statements": []}], "the corpus's first annotator, in their order"),
    ([CORPUS], [{"id": "a", "statements": [OUTER]}], r"statements\[0\].act: got nothing"),
    ([{**LINE, "text": TEXT}], [LAYER], "layer: got .* only beside a corpus file"),
]


@pytest.mark.parametrize(("lines", "layer", "message"), REFUSED_GOLD)
def test_refused_gold(
    tmp_path: Path, lines: list[Any], layer: list[Any] | None, message: str
) -> None:
    gold = write(tmp_path / "gold.jsonl", *lines)
    beside = None if layer is None else write(tmp_path / "layer.jsonl", *layer)
    with pytest.raises(InputError, match=message):
        read_gold(gold, layer=beside)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.jsonl: got .*No such file"):
        read_gold(tmp_path / "none.jsonl")
    (tmp_path / "fake.jsonl.gz").write_text("not zipped")
    with pytest.raises(InputError, match=r"fake.jsonl.gz: got .*; allowed: a readable"):
        read_gold(tmp_path / "fake.jsonl.gz")


def test_two_files_compared(tmp_path: Path) -> None:
    gold = write(tmp_path / "gold.jsonl", CORPUS)
    empty = write(tmp_path / "a.jsonl", {**LINE, "statements": [], "model": "empty@1"})
    a, b, differences = compare_files(gold, empty, write(tmp_path / "b.jsonl", LINE), resamples=10)
    assert (a.signature.model, b.signature.model) == ("empty@1", "m@1.0.0")
    by_metric = {d.metric: d for d in differences}
    assert by_metric["cue_recall"].difference == 0.5
    assert by_metric["cue_precision"].difference is None


def test_annotators_against_each_other(tmp_path: Path) -> None:
    """x marked two attributions, y one of them: F1 2/3; z agrees with y: pairs 2/3, 2/3, 1."""
    third = {"annotator": "z", "attributions": [OUTER]}
    both = write(tmp_path / "two.jsonl", CORPUS, {**CORPUS, "id": "b", "annotations": [third]})
    report = agreement_of_files(both)
    assert report.ids == ("a",)  # b has one annotator
    assert report.value("cue_f1") == pytest.approx(2 / 3)
    three = {**CORPUS, "annotations": [*CORPUS["annotations"], third]}
    report = agreement_of_files(write(tmp_path / "three.jsonl", three))
    assert report.value("cue_f1") == pytest.approx(2 * 3 / (3 + 5))
    single = write(tmp_path / "one.jsonl", {**CORPUS, "annotations": [third]})
    with pytest.raises(InputError, match="two or more"):
        agreement_of_files(single)
