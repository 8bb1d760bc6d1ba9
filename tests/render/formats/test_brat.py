"""brat standoff: by the grammar of brat.nlplab.org/standoff.html, and by another's reader."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings

from quotewire.errors import InputError
from quotewire.render.formats import writer
from quotewire.render.formats.brat import CONFIGURATION, file_name, write_folder
from quotewire.types import Article, Extraction
from tests.render.formats.readers import run_reader
from tests.render.make import ARTICLE, EXTRACTION, TEXT, answers

LINES = {
    "T": re.compile(r"T(\d+)\t(\w+) (\d+ \d+(?:;\d+ \d+)*)\t(.*)"),
    "E": re.compile(r"E(\d+)\t(\w+):(T\d+)((?: \w+:[TE]\d+)*)"),
    "A": re.compile(r"A(\d+)\t(\w+) ([TE]\d+) (\w+)"),
    "#": re.compile(r"#(\d+)\tAnnotatorNotes ([TE]\d+)\t(.*)"),
}


def parsed(data: bytes) -> dict[str, list[re.Match[str]]]:
    """The lines by their kind, each matched against its grammar; ids are used once and known."""
    found: dict[str, list[re.Match[str]]] = {kind: [] for kind in LINES}
    text = data.decode("utf-8")
    assert text == "" or text.endswith("\n")
    for line in text.splitlines():  # splits at everything that any reader takes for a line's end
        match = LINES[line[0]].fullmatch(line)
        assert match, line
        found[line[0]].append(match)
    for kind, matches in found.items():
        assert [int(m[1]) for m in matches] == list(range(1, len(matches) + 1)), kind
    known = {f"T{m[1]}" for m in found["T"]} | {f"E{m[1]}" for m in found["E"]}
    used = {m[3] for m in found["E"] + found["A"]} | {m[2] for m in found["#"]}
    used |= {argument.split(":")[1] for m in found["E"] for argument in m[4].split()}
    assert used <= known
    return found


def test_a_statement_is_an_event_around_its_cue() -> None:
    found = parsed(b"".join(writer("brat")([(ARTICLE, EXTRACTION)])))
    bound = {f"T{m[1]}": (m[2], m[4]) for m in found["T"]}
    first, second, _, fourth, last = found["E"]
    assert bound[first[3]] == ("Statement", "told")
    arguments = dict(a.split(":") for a in first[4].split())
    assert bound[arguments["Speaker"]] == ("Speaker", "Mayor Ada Brandt")
    assert bound[arguments["Intermediary"]] == ("Intermediary", "Reuters")
    assert bound[second[4].split()[0].split(":")[1]][1] == (
        "“We asked eleven firms,” “Three answered 🚢.”"
    )
    assert "Reported_in:E3" in fourth[4] and last[2] == "Attitude"
    assert ("Kind", "E1", "indirect") in {(m[2], m[3], m[4]) for m in found["A"]}
    notes = {m[2]: m[3] for m in found["#"]}
    assert notes[arguments["Speaker"]] == "Ada Brandt"
    assert notes["E1"] == "id s1; confidence 0.9375"


def test_every_type_is_configured() -> None:
    for word in ("Quote", "Speaker", "Intermediary", "Addressee", "Statement", "Attitude", "Kind"):
        assert re.search(rf"^{word}\b", CONFIGURATION, re.M), word


@settings(max_examples=30, deadline=None)
@given(answers(surrogates=False))
def test_any_answer_is_well_formed_and_its_offsets_give_back_the_words(
    answer: tuple[Article, Extraction],
) -> None:
    article, extraction = answer
    found = parsed(b"".join(writer("brat")([answer])))
    assert len(found["E"]) == len(extraction.statements)
    bound = {}
    for match in found["T"]:
        pairs = [tuple(map(int, piece.split())) for piece in match[3].split(";")]
        words = " ".join(article.text[start:end] for start, end in pairs)
        # Only what would end the line or the field is different, one for one.
        assert len(words) == len(match[4])
        assert all(a == b or b == " " for a, b in zip(words, match[4], strict=True))
        bound[f"T{match[1]}"] = pairs
    for event, statement in zip(found["E"], extraction.statements, strict=True):
        quote = event[4].split()[0].removeprefix("Quote:")
        assert bound[quote] == [(s.start, s.end) for s in statement.quote.spans]
        assert bound[event[3]] == [(statement.cue.start, statement.cue.end)]


def test_a_folder_has_a_text_and_its_annotations_for_each_article(tmp_path: Path) -> None:
    again = Article("a 1", "other")
    hostile = Article("../../etc/passwd", "x\r\ny\u2028🙂")
    found = write_folder(
        [
            (ARTICLE, EXTRACTION),
            (again, Extraction("a 1", "m@1", ())),
            (hostile, Extraction(hostile.id, "m@1", ())),
        ],
        tmp_path / "out",
    )
    assert found == 3
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [
        "%2E.%2F..%2Fetc%2Fpasswd.ann",
        "%2E.%2F..%2Fetc%2Fpasswd.txt",
        "a 1.ann",
        "a 1.txt",
        "a 1~2.ann",
        "a 1~2.txt",
        "annotation.conf",
    ]
    assert (tmp_path / "out" / "a 1.txt").read_bytes() == TEXT.encode()
    assert (tmp_path / "out" / names[1]).read_bytes() == hostile.text.encode()


def test_file_names_are_names() -> None:
    long = "x" * 400
    names = [
        file_name(id_) for id_ in (".", "..", "a/b", "a%2Fb", ".hidden", long, long + "y", "é~2")
    ]
    assert len(set(names)) == len(names)
    assert all(len(n.encode()) <= 120 and "/" not in n and n[0] != "." for n in names)


def test_one_file_holds_one_article() -> None:
    with pytest.raises(InputError, match="--out FOLDER"):
        list(writer("brat")([(ARTICLE, EXTRACTION)] * 2))


def test_another_s_reader_reads_the_same(tmp_path: Path) -> None:
    """brat-peek, which knows up to two pieces a quote."""
    write_folder([(ARTICLE, EXTRACTION)], tmp_path / "out")
    found = run_reader("read_brat.py", tmp_path / "out" / "a 1.ann")
    assert [e["tag"] for e in found["events"]] == ["Statement"] * 4 + ["Attitude"]
    for entity in found["entities"]:
        pieces = [TEXT[start:end] for start, end in entity["span"]]
        assert " ".join(pieces) == entity["text"]
    assert {"Kind", "Speaker_type", "Intermediary_kind"} == {a["tag"] for a in found["attributes"]}
    assert len(found["notes"]) == 5 + 5
