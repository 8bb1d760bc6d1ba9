"""Answers to be drawn and written: one made by hand, and any that Hypothesis can think of."""

from __future__ import annotations

from hypothesis import strategies as st

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

TEXT = (
    "The harbour stays shut until May, Mayor Ada Brandt told Reuters.\n\n"
    "“We asked eleven firms,” she said. “Three answered 🚢.”\n\n"
    "The Courier reported that Pilot Omar Haddad had warned the council that “the pier is "
    "rotten”. Voters want it open."
)
ARTICLE = Article(id="a 1", text=TEXT, title="Harbour shut", publisher="The Bay", language="en")


def span(words: str, *, after: str = "") -> Span:
    start = TEXT.index(words, TEXT.index(after))
    return Span(start, start + len(words))


STATEMENTS = (
    Statement(
        id="s1",
        act=Act.STATEMENT,
        confidence=0.9375,
        quote=Quote((span("The harbour stays shut until May"),), QuoteKind.INDIRECT),
        cue=span("told"),
        speaker=Speaker(span("Mayor Ada Brandt"), "Ada Brandt", SpeakerType.PERSON),
        intermediaries=(Intermediary(span("Reuters"), "Reuters", IntermediaryKind.OUTLET),),
    ),
    Statement(
        id="s2",
        act=Act.STATEMENT,
        confidence=0.96,
        quote=Quote(
            (span("“We asked eleven firms,”"), span("“Three answered 🚢.”")),
            QuoteKind.DIRECT,
            (span("“We asked eleven firms,”"), span("“Three answered 🚢.”")),
        ),
        cue=span("said"),
        speaker=Speaker(span("she"), "Ada Brandt", SpeakerType.PERSON),
    ),
    Statement(
        id="s3",
        act=Act.STATEMENT,
        confidence=0.8,
        quote=Quote(
            (span("that Pilot Omar Haddad had warned the council that “the pier is rotten”"),),
            QuoteKind.MIXED,
        ),
        cue=span("reported"),
        speaker=Speaker(span("The Courier"), "The Courier", SpeakerType.ORGANIZATION),
    ),
    Statement(
        id="s4",
        act=Act.STATEMENT,
        confidence=0.7,
        quote=Quote(
            (span("that “the pier is rotten”"),), QuoteKind.MIXED, (span("“the pier is rotten”"),)
        ),
        cue=span("warned"),
        speaker=Speaker(span("Pilot Omar Haddad"), "Omar Haddad", SpeakerType.PERSON),
        addressee=span("the council"),
        reported_in="s3",
    ),
    Statement(
        id="s5",
        act=Act.ATTITUDE,
        confidence=0.55,
        quote=Quote((span("it open"),), QuoteKind.INDIRECT),
        cue=span("want"),
        speaker=Speaker(span("Voters"), None, SpeakerType.GROUP),
    ),
)
EXTRACTION = Extraction("a 1", "quotewire-base@1.0.0", STATEMENTS, "en")

# Markup, formulas, line ends of every kind, controls, other scripts, combining marks, joiners,
# bidi marks, code points beyond U+FFFF.
HOSTILE = (
    "ab zZ09<>&\"'`/\\=+-@;,.!|{}[]()“”\n\r\t\v\f\0\x1b\x85\u2028\u2029\u200b\u200d\u200f\ufeff"
    "\u202e\u2066\u2069äßğİéẍ̄שלוםمرحبا你好日本語हिन्दी🙂🚢👩🏽𝕬𐍈"
)
SURROGATES = "\ud800\udfff"


def _texts(*, surrogates: bool) -> st.SearchStrategy[str]:
    alphabet = st.sampled_from(HOSTILE + (SURROGATES if surrogates else ""))
    piece = st.one_of(
        st.text(alphabet, max_size=8),
        st.sampled_from(["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "</style>", "\r\n"]),
    )
    return st.lists(piece, min_size=1, max_size=8).map("".join).filter(lambda t: len(t) >= 2)


@st.composite
def answers(draw: st.DrawFn, *, surrogates: bool = True) -> tuple[Article, Extraction]:
    """An article of any text with statements anywhere in it: overlapping, nested, in rings."""
    text = draw(_texts(surrogates=surrogates))
    names = st.one_of(st.none(), _texts(surrogates=surrogates))
    offsets = st.integers(0, len(text))

    def spans() -> st.SearchStrategy[Span]:
        return (
            st.tuples(offsets, offsets)
            .filter(lambda o: o[0] != o[1])
            .map(lambda o: Span(min(o), max(o)))
        )

    def pieces() -> st.SearchStrategy[tuple[Span, ...]]:
        """Ascending, not overlapping: what a quote is made of."""
        edges = st.lists(offsets, min_size=2, max_size=6, unique=True).map(sorted)
        return edges.map(lambda e: tuple(Span(a, b) for a, b in zip(e[::2], e[1::2], strict=False)))

    ids = [f"s{n}" for n in range(draw(st.integers(0, 4)))]
    statements = tuple(
        Statement(
            id=id_,
            act=draw(st.sampled_from(Act)),
            confidence=draw(st.floats(0, 1)),
            quote=Quote(draw(pieces()), draw(st.sampled_from(QuoteKind))),
            cue=draw(spans()),
            speaker=draw(
                st.one_of(
                    st.none(),
                    st.builds(
                        Speaker,
                        st.one_of(st.none(), spans()),
                        names,
                        st.one_of(st.none(), st.sampled_from(SpeakerType)),
                    ),
                )
            ),
            intermediaries=tuple(
                draw(
                    st.lists(
                        st.builds(Intermediary, spans(), names, st.sampled_from(IntermediaryKind)),
                        max_size=2,
                    )
                )
            ),
            addressee=draw(st.one_of(st.none(), spans())),
            reported_in=draw(st.one_of(st.none(), st.sampled_from(ids))),
        )
        for id_ in ids
    )
    article = Article(
        id=draw(_texts(surrogates=surrogates)), text=text, title=draw(names), publisher=draw(names)
    )
    return article, Extraction(
        article.id, "m@1.0.0", statements, draw(st.sampled_from([None, "en"]))
    )
