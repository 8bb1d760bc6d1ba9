"""Statements told anew through somebody made up: the text changes, every label keeps its words."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from quotewire.training.corpus import TRIGGERS, Attribution, LabelledArticle
from quotewire.training.reword import reword
from quotewire.types import Span

# Each statement as (cue, source, contents), by words that stand once in the text.
TEXT = (
    "Ada Lind wrote to us. “No bridge will close,” Bo Marsh said. “Not one.”\n\n"
    "Cleo Vane said that the ferry is late.\n\n"
    "“It rained,” said Dirk Hale.\n\n"
    "Engineers denied the plan.\n\n"
    "Finn Orr told Radio Kent that he left.\n\n"
    "The mayor of Ashby argued that it was late."
)
STATEMENTS = (
    ("wrote", "Ada Lind", ("to us",)),
    ("said. “Not", "Bo Marsh", ("“No bridge will close,”", "“Not one.”")),
    ("said that the ferry", "Cleo Vane", ("that the ferry is late",)),
    ("said Dirk", "Dirk Hale", ("“It rained,”",)),
    ("denied", "Engineers", ("the plan",)),
    ("told", "Finn Orr", ("that he left",)),
    ("argued", "The mayor of Ashby", ("that it was late",)),
)


def place(words: str) -> Span:
    assert TEXT.count(words) == 1
    return Span(TEXT.index(words), TEXT.index(words) + len(words))


def first_word(words: str) -> Span:
    return Span(place(words).start, place(words).start + len(words.split()[0].rstrip(".")))


ARTICLE = LabelledArticle(
    id="a",
    text=TEXT,
    title=None,
    publisher=None,
    attributions=tuple(
        Attribution(
            cue=first_word(cue),
            source=(place(source),),
            content=tuple(map(place, contents)),
            intermediary=place("Radio Kent") if source == "Finn Orr" else None,
            intermediary_kind="outlet" if source == "Finn Orr" else None,
            act="statement",
            relays_known=False,
        )
        for cue, source, contents in STATEMENTS
    ),
    layer=TRIGGERS,
)


def test_every_label_keeps_its_words() -> None:
    for seed in range(300):
        article = reword(ARTICLE, share=0.7, rng=random.Random(seed))
        for before, after in zip(ARTICLE.attributions, article.attributions, strict=True):
            for role in ("source", "content"):
                # "The mayor" is "the mayor" where something comes before.
                assert [s.slice(article.text).lower() for s in getattr(after, role)] == [
                    s.slice(TEXT).lower() for s in getattr(before, role)
                ]
            if not after.certain:
                assert after.cue.slice(article.text) == before.cue.slice(TEXT)
                assert after.intermediary_kind == before.intermediary_kind
                assert after.relays_known is before.relays_known
            else:
                assert (after.intermediary is None) is (after.intermediary_kind is None)
                assert after.relays_known


def test_what_is_between_the_labels_stays() -> None:
    article = reword(ARTICLE, share=1.0, rng=random.Random(1))
    for words in ("Ada Lind wrote to us. ", "Finn Orr told Radio Kent that he left.", "\n\n“It "):
        assert words in article.text


def told(number: int) -> Counter[tuple[str, str | None]]:
    """The ways in which a statement is told: cue, and what was written between its labels."""
    ways = Counter[tuple[str, str | None]]()
    for seed in range(400):
        article = reword(ARTICLE, share=1.0, rng=random.Random(seed))
        attribution = article.attributions[number]
        if relay := attribution.intermediary:
            cue = attribution.cue.slice(article.text)
            ways[cue.replace(relay.slice(article.text), "…"), attribution.intermediary_kind] += 1
    return ways


def test_a_statement_is_told_in_many_ways() -> None:
    for number in (1, 2):
        ways = told(number)
        assert {cue for cue, _ in ways} >= {
            "told",
            "said",
            "wrote",
            "was quoted by … as saying",
            "was quoted as saying",
        }
        assert {kind for _, kind in ways} == {"outlet", "platform", "person", "press"}


def test_behind_a_speaker_and_behind_a_content_the_cue_stays() -> None:
    assert {cue for cue, _ in told(3)} == {"said"}
    assert {cue for cue, _ in told(4)} == {"denied"}


def test_an_intermediary_comes_first_too() -> None:
    told_first = set()
    for seed in range(400):
        article = reword(ARTICLE, share=1.0, rng=random.Random(seed))
        *_, last = article.attributions
        (speaker,) = last.source
        if last.intermediary is not None and last.intermediary.end < speaker.start:
            told_first.add(article.text[last.intermediary.end : speaker.end])
            before = article.text[: speaker.start].rpartition("\n")[2]
            assert before[0].isupper() and before.endswith(", ")
    assert told_first == {", the mayor of Ashby", " about it, the mayor of Ashby"}


@pytest.mark.parametrize("number", [0, 5])
def test_what_has_an_intermediary_or_no_room_stays(number: int) -> None:
    for seed in range(100):
        article = reword(ARTICLE, share=1.0, rng=random.Random(seed))
        assert not article.attributions[number].certain


def test_no_share_changes_nothing() -> None:
    assert reword(ARTICLE, share=0.0, rng=random.Random(1)) is ARTICLE


def test_the_same_seed_tells_it_the_same_way() -> None:
    once, again = (reword(ARTICLE, share=0.5, rng=random.Random(7)) for _ in range(2))
    assert once == again
