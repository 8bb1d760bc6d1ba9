"""The table shows everything a statement holds, in outline order, safe for a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from quotewire.render.table import in_outline_order, printable, statements_table
from quotewire.types import (
    Act,
    Article,
    Extraction,
    Intermediary,
    IntermediaryKind,
    Quote,
    QuoteKind,
    Span,
    Speaker,
    SpeakerType,
    Statement,
)

TEXT = "He told Bloomberg the bridge, he said, is shut. Voters want it open."


def span(words: str, text: str = TEXT) -> Span:
    start = text.index(words)
    return Span(start, start + len(words))


def statement(id: str, *, reported_in: str | None = None, quote: str = "is shut") -> Statement:
    return Statement(
        id=id,
        act=Act.STATEMENT,
        confidence=0.914,
        quote=Quote(spans=(span(quote),), kind=QuoteKind.INDIRECT),
        cue=span("told"),
        reported_in=reported_in,
    )


def shown(*statements: Statement, text: str = TEXT, warnings: tuple[str, ...] = ()) -> str:
    article = Article(id="a1", text=text)
    extraction = Extraction(
        article_id="a1", model="m@1.0.0", statements=statements, language="en", warnings=warnings
    )
    console = Console(file=io.StringIO(), width=160)
    console.print(statements_table(article, extraction))
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def row(output: str, words: str) -> str:
    (line,) = [line for line in output.splitlines() if words in line]
    return line


def test_a_row_says_who_what_through_whom_how_and_how_sure() -> None:
    full = Statement(
        id="s1",
        act=Act.STATEMENT,
        confidence=0.914,
        quote=Quote(spans=(span("the bridge"), span("is shut")), kind=QuoteKind.MIXED),
        cue=span("told"),
        speaker=Speaker(mention=span("He"), name="Louis Marin", type=SpeakerType.PERSON),
        intermediaries=(
            Intermediary(mention=span("Bloomberg"), name=None, kind=IntermediaryKind.OUTLET),
        ),
        addressee=span("Voters"),
    )
    output = shown(full)
    line = row(output, "Louis Marin")
    columns = ["Louis Marin (He)", "the bridge … is shut", "Bloomberg (outlet)", "Voters", "mixed"]
    assert [line.index(part) for part in columns] == sorted(line.index(part) for part in columns)
    assert line.rstrip().endswith("0.91")
    assert "a1 · 1 statement · en · m@1.0.0" in output


def test_the_addressee_has_a_column_only_where_somebody_is_addressed() -> None:
    assert " To " not in shown(statement("s1")).splitlines()[0]


def test_a_statement_without_speaker_and_an_attitude_are_marked() -> None:
    want = Statement(
        id="s1",
        act=Act.ATTITUDE,
        confidence=0.2,
        quote=Quote(spans=(span("it open"),), kind=QuoteKind.INDIRECT),
        cue=span("want"),
    )
    output = shown(want)
    assert row(output, "it open").startswith("–")
    assert "attitude" in output


def test_no_statements() -> None:
    assert shown().strip() == "a1 · 0 statements · en · m@1.0.0"


def test_warnings_follow() -> None:
    assert "warning: not English" in shown(warnings=("not English",))


def test_inner_statements_follow_their_outer_one_indented() -> None:
    inner = statement("inner", reported_in="outer", quote="the bridge")
    innermost = statement("innermost", reported_in="inner", quote="it open")
    outer, other = statement("outer"), statement("other", quote="Voters")
    order = list(in_outline_order([innermost, inner, other, outer]))
    assert order == [(0, other), (0, outer), (1, inner), (2, innermost)]
    output = shown(innermost, inner, other, outer)
    assert "  ↳ it open" in output and "↳ the bridge" in output and "↳ Voters" not in output


def test_a_statement_whose_outer_one_was_left_out_stands_alone() -> None:
    lone = statement("lone", reported_in="gone")
    assert list(in_outline_order([lone])) == [(0, lone)]


def test_even_a_ring_of_statements_is_shown_whole() -> None:
    a, b = statement("a", reported_in="b"), statement("b", reported_in="a")
    self_reported = statement("c", reported_in="c")
    assert {s.id for _, s in in_outline_order([a, b, self_reported])} == {"a", "b", "c"}
    assert len(list(in_outline_order([a, b, self_reported]))) == 3


def test_nothing_in_a_text_can_drive_the_terminal() -> None:
    assert printable("a\x1b[31mb\u202ec\ud800\x00d\n e") == "a�[31mb�c��d e"
    assert printable("👩\u200d🚒") == "👩\u200d🚒"
    hostile = "[red]x[/red] \x1b]0;title\x07 y"
    quote = Quote(spans=(Span(0, len(hostile)),), kind=QuoteKind.INDIRECT)
    output = shown(
        Statement(id="s", act=Act.STATEMENT, confidence=1.0, quote=quote, cue=Span(0, 1)),
        text=hostile,
    )
    assert "\x1b" not in output and "\x07" not in output
    assert "[red]x[/red]" in output  # shown, not obeyed
