"""Disagreements: which there are, which come first, and that labels come back as they went out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from quotewire.errors import InputError
from quotewire.experiments.assignment import text_hash
from quotewire.experiments.difference import Differences, by_text_hash, differences
from quotewire.experiments.labels import (
    FORMAT,
    Choice,
    Label,
    label_to_json,
    read_labels,
    settled,
)
from quotewire.experiments.observations import Observation
from quotewire.experiments.records import Role
from quotewire.render.difference_page import (
    LABEL_STUDIO_CONFIG,
    difference_page,
    label_studio_tasks,
    passage,
)
from quotewire.types import (
    Act,
    Article,
    Intermediary,
    IntermediaryKind,
    Quote,
    QuoteKind,
    Span,
    Speaker,
    SpeakerType,
    Statement,
)

TEXT = (
    "Ann Lee told Reuters the bridge is safe.\n"
    "The council said nothing was wrong. A clerk said so, too.\n"
    "Voters <b>said</b> it was late."
)
ARTICLE = Article(id="a1", text=TEXT, title="The bridge", publisher="Ledger")


def span(words: str, *, after: str = "") -> Span:
    start = TEXT.index(words, TEXT.index(after) if after else 0)
    return Span(start, start + len(words))


def said(
    who: str | None,
    cue: Span,
    what: str,
    *,
    via: Sequence[str] = (),
    confidence: float = 0.9,
    name: str | None = None,
    act: Act = Act.STATEMENT,
) -> Statement:
    return Statement(
        id=f"{cue.start}-{what}",
        act=act,
        confidence=confidence,
        quote=Quote((span(what),), QuoteKind.INDIRECT),
        cue=cue,
        speaker=None if who is None else Speaker(span(who), name, SpeakerType.PERSON),
        intermediaries=tuple(
            Intermediary(span(word), None, IntermediaryKind.OUTLET) for word in via
        ),
    )


LEE = said("Ann Lee", span("told"), "the bridge is safe", via=["Reuters"])
COUNCIL = said("The council", span("said", after="The council"), "nothing was wrong")
CLERK = said("A clerk", span("said", after="A clerk"), "so, too", confidence=0.6)
VOTERS = said("Voters", span("said", after="Voters"), "it was late", confidence=0.95)


def answer(variant: str, *statements: Statement, article: Article = ARTICLE) -> Observation:
    return Observation(
        variant=variant,
        role=Role.SERVED,
        article=text_hash(article.text),
        article_id=article.id,
        unit="u",
        pair="p",
        length=len(article.text),
        statements=statements,
    )


def found(a: Sequence[Statement], b: Sequence[Statement], **options: Any) -> Differences:
    pair = (answer("base", *a), answer("small", *b))
    return differences([pair], texts=by_text_hash([ARTICLE]), a="base", b="small", **options)


def test_the_same_readings_do_not_disagree() -> None:
    result = found([LEE, COUNCIL], [LEE, COUNCIL])
    assert (result.items, result.statements, result.same) == ((), 2, 2)


def test_every_kind_of_difference_has_its_name() -> None:
    cue = span("told")
    other = {
        "speaker": said("Reuters", cue, "the bridge is safe", via=["Reuters"]),
        "intermediaries": said("Ann Lee", cue, "the bridge is safe"),
        "quote": said("Ann Lee", cue, "bridge is safe", via=["Reuters"]),
        "act": said("Ann Lee", cue, "the bridge is safe", via=["Reuters"], act=Act.ATTITUDE),
        "cue": said("Ann Lee", Span(cue.start, cue.end - 1), "the bridge is safe", via=["Reuters"]),
    }
    for field, reading in other.items():
        (item,) = found([LEE], [reading]).items
        assert item.fields == (field,), field
        assert item.a == LEE and item.b == reading and 0 < item.score <= 1


def test_names_differ_only_where_both_are_known() -> None:
    cue, what = span("told"), "the bridge is safe"
    lee, leigh = (said("Ann Lee", cue, what, via=["Reuters"], name=n) for n in ("A. Lee", "Bob"))
    assert found([lee], [leigh]).items[0].fields == ("speaker",)
    assert found([lee], [LEE]).items == ()


def test_what_only_one_has_and_the_surest_first() -> None:
    result = found([LEE, CLERK], [LEE, VOTERS, COUNCIL])
    assert [(item.a, item.b) for item in result.items] == [
        (None, VOTERS),
        (CLERK, None),
        (None, COUNCIL),
    ]
    # The council's is the second of "only B has it, at said": half of its 0.9.
    assert [item.score for item in result.items] == pytest.approx([0.95, 0.6, 0.45])
    assert found([LEE, CLERK], [LEE, VOTERS], most=1).items == result.items[:1]


def test_an_unsure_pair_tells_less_than_a_sure_one() -> None:
    cue, what = span("told"), "the bridge is safe"
    sure = found([LEE], [said("Ann Lee", cue, what)]).items[0]
    unsure = found([LEE], [said("Ann Lee", cue, what, confidence=0.3)]).items[0]
    assert (sure.score, unsure.score) == (0.9, 0.3)


def test_articles_without_their_text_are_counted() -> None:
    pair = (answer("base", LEE), answer("small"))
    none = differences([pair], texts={}, a="base", b="small")
    assert (none.items, none.articles, none.without_text) == ((), 0, 1)
    # The same words with other white space: offsets would be wrong.
    spaced = Article(id="a1", text=TEXT.replace("\n", "\n\n"))
    other = differences([pair], texts=by_text_hash([spaced]), a="base", b="small")
    assert other.without_text == 1


def test_the_passage_is_the_lines_that_are_touched() -> None:
    (item,) = found([LEE], []).items
    assert passage(item).slice(TEXT) == "Ann Lee told Reuters the bridge is safe."
    (item,) = found([], [VOTERS]).items
    assert passage(item).slice(TEXT).startswith("Voters <b>")


def test_the_page_is_escaped_and_does_not_say_which_is_which() -> None:
    page = difference_page(found([LEE, CLERK], [VOTERS, COUNCIL]), title="t </script><b>x")
    assert "<b>said</b>" not in page and "&lt;b&gt;" in page and "</script><b>" not in page
    visible = page.split('<script type="application/json"')[0]
    assert (
        "base" not in visible.split("</style>")[1] and "small" not in visible.split("</style>")[1]
    )
    assert "http://" not in page.replace("http://www.w3.org", "") and "src=" not in page


def page_data(page: str) -> Any:
    return json.loads(page.split('id="data">')[1].split("</script>")[0])


def test_which_comes_first_is_drawn_by_lot() -> None:
    """Over many items, about half are swapped, and a page shows them accordingly."""
    items = []
    for n in range(60):
        article = Article(id=f"a{n}", text=TEXT + "!" * n)
        pair = (answer("base", LEE, article=article), answer("small", article=article))
        one = differences([pair], texts=by_text_hash([article]), a="base", b="small")
        items += one.items
    swapped = sum(item.swapped for item in items)
    assert 15 <= swapped <= 45
    assert all(item.shown[0] == (item.b if item.swapped else item.a) for item in items)


# Labels


def save(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_labels_of_the_page_come_back(tmp_path: Path) -> None:
    result = found([LEE, CLERK], [VOTERS])
    items = page_data(difference_page(result, title="t"))["items"]
    choices = ["a", "b", "neither"]
    saved = {
        "format": FORMAT,
        "labels": [
            {**item, "choice": choice, "editor": "ed"}
            for item, choice in zip(items, choices, strict=True)
        ],
    }
    read = read_labels([save(tmp_path / "labels.json", saved)])
    assert [label.choice for label in read] == [Choice.A, Choice.B, Choice.NEITHER]
    assert {(label.a, label.b, label.article) for label in read} == {
        ("base", "small", text_hash(TEXT))
    }
    lines = "".join(json.dumps(label_to_json(label)) + "\n" for label in read)
    assert read_labels([save(tmp_path / "labels.jsonl", lines)]) == read
    one = json.dumps(label_to_json(read[0])) + "\n"
    assert read_labels([save(tmp_path / "one.jsonl", one)]) == read[:1]


def test_label_studios_choices_are_turned_back(tmp_path: Path) -> None:
    """ "1" is what stood first: B where the item was swapped."""
    tasks = label_studio_tasks(found([LEE, CLERK], [VOTERS, COUNCIL]))
    for task in tasks:
        assert all(f"${key}" in LABEL_STUDIO_CONFIG for key in ("question", "html"))
        assert "&lt;b&gt;" in task["data"]["html"] or "<b>said</b>" not in task["data"]["html"]
        task["annotations"] = [
            {
                "completed_by": 7,
                "result": [{"type": "choices", "value": {"choices": ["1"]}}],
            },
            {"was_cancelled": True, "result": [{"type": "choices", "value": {"choices": ["x"]}}]},
        ]
    read = read_labels([save(tmp_path / "export.json", tasks)])
    assert len(read) == len(tasks) == 4
    for label, task in zip(read, tasks, strict=True):
        assert label.choice is (Choice.B if task["data"]["swapped"] else Choice.A)
        assert label.editor == "7"


def test_broken_files_of_labels_are_told(tmp_path: Path) -> None:
    line = label_to_json(Label("i", "x", "base", "small", Choice.A, "ed"))
    for content, field in (
        ("{", "bad.json"),
        ({"format": "other/1"}, "bad.json"),
        ({"format": FORMAT, "labels": [{**line, "choice": "1"}]}, r"labels\[0\].choice"),
        ([{**line, "a": None}], "bad.json:1.a"),
        ([{"data": {}, "annotations": [{"result": [{"type": "choices"}]}]}], "choice"),
    ):
        with pytest.raises(InputError, match=field):
            read_labels([save(tmp_path / "bad.json", content)])


def label(id: str, choice: Choice, editor: str = "ed") -> Label:
    return Label(id, f"article-{id}", "base", "small", choice, editor)


def test_editors_settle_a_disagreement_by_their_most_common_choice() -> None:
    result = settled(
        [
            label("1", Choice.A),
            label("1", Choice.B),  # the same editor thought again
            label("2", Choice.A, "x"),
            label("2", Choice.A, "y"),
            label("2", Choice.BOTH, "z"),
            label("3", Choice.A, "x"),
            label("3", Choice.B, "y"),
        ]
    )
    assert result.items["base", "small"] == [
        ("article-1", False, True),
        ("article-2", True, False),
    ]
    assert result.items["small", "base"][0] == ("article-1", True, False)
    assert (result.labels, result.open) == (6, 1)
