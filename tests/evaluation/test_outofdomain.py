"""Gold that holds places only, joined with archives that hold the texts."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from quotewire.errors import InputError
from quotewire.evaluation.gold import read_gold
from quotewire.evaluation.outofdomain import outofdomain_articles
from quotewire.evaluation.rows import GoldArticle
from quotewire.types import Act, IntermediaryKind, Span, SpeakerType
from tests.conftest import ROOT

COMMITTED = ROOT / "tests" / "data" / "outofdomain.jsonl"
ARCHIVES = ROOT.parent / "shared" / "data"

TITLE = "FERRY LINE SAYS PIER IS SAFE"
TEXT = (
    "The line told Coast Radio its pier is safe.\n\n"
    "Ida Holm and Per Lund denied that the harbour office had warned them.\n\n"
    "“We slept well,” Holm said."
)


def at(words: str, *, inside: str = TEXT) -> dict[str, int]:
    return {"start": inside.index(words), "end": inside.index(words) + len(words)}


def statement(id: str, cue: str, content: list[str], **fields: Any) -> dict[str, Any]:
    return {
        "id": id,
        "act": "statement",
        "reported_in": None,
        "quote": {"spans": [at(words) for words in content]},
        "speaker": {"name": None, "type": None, "mention": None},
        "cue": at(cue),
        "intermediaries": [],
        "addressee": None,
        **fields,
    }


def speaker(name: Any, type: str, mention: str) -> dict[str, Any]:
    return {"name": name, "type": type, "mention": at(mention)}


PAIR = [at("Ida Holm"), at("Per Lund")]
LINE: dict[str, Any] = {
    "id": "wire_1",
    "dataset": "wire",
    "section": None,
    "publisher": "Wire",
    "sha256": hashlib.sha256(TEXT.encode()).hexdigest(),
    "statements": [
        statement(
            "s1",
            "told",
            ["its pier is safe"],
            speaker=speaker(
                {"in": "title", **at("FERRY LINE", inside=TITLE)}, "organization", "The line"
            ),
            intermediaries=[{"kind": "outlet", "mention": at("Coast Radio")}],
        ),
        statement(
            "s2",
            "denied",
            ["that the harbour office had warned them"],
            speaker=speaker(PAIR, "group", "Ida Holm and Per Lund"),
        ),
        statement(
            "s3",
            "had warned",
            ["them"],
            reported_in="s2",
            speaker=speaker(at("the harbour office"), "organization", "the harbour office"),
            addressee=at("them"),
        ),
        statement(
            "s4", "said", ["“We slept well,”"], speaker=speaker(at("Ida Holm"), "person", "Holm")
        ),
    ],
}


def write(
    folder: Path, *, line: dict[str, Any] = LINE, text: str = TEXT, id: str = "wire_1"
) -> Path:
    """Writes an archive and a gold file into ``folder``; the gold file's path."""
    articles = [{"id": "wire_0", "title": "NOT LABELLED", "text": "Nothing was said."}]
    articles.append({"id": id, "title": TITLE, "text": text})
    with gzip.open(folder / "archive_wire.jsonl.gz", "wt", encoding="utf-8") as archive:
        archive.writelines(json.dumps(article) + "\n" for article in articles)
    gold = folder / "gold.jsonl"
    gold.write_text(json.dumps(line) + "\n", encoding="utf-8")
    return gold


def words(article: GoldArticle, span: Span | None) -> str:
    assert span is not None
    return span.slice(article.text)


def test_places_become_rows_and_names(tmp_path: Path) -> None:
    (article,) = outofdomain_articles(write(tmp_path), archives=tmp_path)
    assert (article.text, article.title, article.publisher) == (TEXT, TITLE, "Wire")
    assert [row.speaker for row in article.rows] == [
        "FERRY LINE",
        "Ida Holm and Per Lund",
        "the harbour office",
        "Ida Holm",
    ]
    told, denied, warned, said = article.rows
    assert (told.act, told.speaker_type) == (Act.STATEMENT, SpeakerType.ORGANIZATION)
    assert [(words(article, v.span), v.kind) for v in told.via] == [
        ("Coast Radio", IntermediaryKind.OUTLET)
    ]
    assert (denied.reported_in, warned.reported_in, warned.nested) == (None, 1, True)
    assert words(article, warned.addressee) == "them"
    assert [words(article, piece) for piece in said.content] == ["“We slept well,”"]
    assert article.labelled == {"act", "speaker", "intermediary", "addressee", "nested"}


def test_evaluate_reads_the_same_from_a_file_of_texts(tmp_path: Path) -> None:
    gold = write(tmp_path)
    joined = read_gold(gold, texts=tmp_path / "archive_wire.jsonl.gz")
    assert joined == outofdomain_articles(gold, archives=tmp_path)


def test_another_version_of_a_text_is_refused(tmp_path: Path) -> None:
    gold = write(tmp_path, text=TEXT.replace("safe", "sure"))
    with pytest.raises(InputError, match=r"gold\.jsonl:1: sha256.*'wire_1'.*was labelled"):
        outofdomain_articles(gold, archives=tmp_path)


def test_an_article_that_the_archive_lacks_is_named(tmp_path: Path) -> None:
    gold = write(tmp_path, id="wire_2")
    with pytest.raises(InputError, match=r"gold\.jsonl:1: id.*'wire_1'.*archive_wire"):
        outofdomain_articles(gold, archives=tmp_path)


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    gold = write(tmp_path)
    with pytest.raises(InputError, match=r"archive_wire\.jsonl\.gz"):
        outofdomain_articles(gold, archives=tmp_path / "elsewhere")


@pytest.mark.parametrize("dataset", ["../wire", "", 7])
def test_a_dataset_is_a_plain_word(tmp_path: Path, dataset: object) -> None:
    gold = write(tmp_path, line={**LINE, "dataset": dataset})
    with pytest.raises(InputError, match=r"gold\.jsonl:1: dataset"):
        outofdomain_articles(gold, archives=tmp_path)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ({"start": 3, "end": 9999}, r"speaker\.name.*length of the article's text"),
        ({"in": "title", "start": 0, "end": len(TITLE) + 1}, r"speaker\.name"),
        ({"in": "margin", "start": 0, "end": 2}, r"speaker\.name\.in.*'margin'.*text or title"),
        ([], r"speaker\.name.*a string"),
    ],
)
def test_a_name_in_no_place_is_refused(tmp_path: Path, name: Any, complaint: str) -> None:
    broken = statement("s1", "told", ["its pier is safe"], speaker={"name": name})
    gold = write(tmp_path, line={**LINE, "statements": [broken]})
    with pytest.raises(InputError, match=complaint):
        outofdomain_articles(gold, archives=tmp_path)


def committed() -> list[dict[str, Any]]:
    return [json.loads(line) for line in COMMITTED.read_text(encoding="utf-8").splitlines()]


def test_the_committed_file_holds_no_text_of_its_articles() -> None:
    lines = committed()
    assert len({line["id"] for line in lines}) == len(lines) >= 36

    def strings(value: Any, key: str = "") -> set[tuple[str, str]]:
        if isinstance(value, dict):
            return set().union(*(strings(v, k) for k, v in value.items()))
        if isinstance(value, list):
            return set().union(*(strings(v, key) for v in value))
        return {(key, value)} if isinstance(value, str) else set()

    for line in lines:
        for key, value in strings(line["statements"]):
            assert key in {"id", "act", "type", "kind", "in", "reported_in"}, (key, value)
            assert re.fullmatch(r"s\d+|[a-z]+", value)


@pytest.mark.skipif(not ARCHIVES.is_dir(), reason="the archives are not part of the repository")
def test_the_committed_places_fit_the_archives() -> None:
    articles = outofdomain_articles(COMMITTED, archives=ARCHIVES)
    assert len(articles) == len(committed())
    for article in articles:
        for row in article.rows:
            spans = [row.cue, *row.sources, *row.content, *(via.span for via in row.via)]
            if row.addressee is not None:
                spans.append(row.addressee)
            for span in spans:
                where = (article.id, span, words(article, span))
                assert words(article, span).strip() == words(article, span), where
                assert cuts_no_word(article.text, span), where
            apart = [row.cue, *row.sources]
            assert not any(piece.overlaps(other) for piece in row.content for other in apart)
            if row.reported_in is not None:
                outer = article.rows[row.reported_in]
                assert any(piece.contains(row.cue) for piece in outer.content), article.id
            if row.speaker is not None:
                assert row.speaker_type is not None


def cuts_no_word(text: str, span: Span) -> bool:
    """Whether both ends lie between words."""
    return not any(
        0 < edge < len(text) and text[edge - 1].isalnum() and text[edge].isalnum()
        for edge in (span.start, span.end)
    )
