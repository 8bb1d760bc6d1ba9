from __future__ import annotations

from dataclasses import replace

import pytest

from quotewire.evaluation.mistakes import KINDS, Mistake, mistakes_of, render_mistakes, worst
from quotewire.evaluation.rows import Row
from tests.evaluation.make import TEXT, article, at, row

GOLD = row("said", source="Ann Lee", content="the old bridge is perfectly safe")


@pytest.mark.parametrize(
    ("predicted", "kind"),
    [
        (None, "missed"),
        (replace(GOLD, sources=(at("the old bridge"),)), "other speaker"),
        (replace(GOLD, sources=()), "speaker lost"),
        (replace(GOLD, content=(at("safe"),)), "other content"),
        (replace(GOLD, content=(at("old bridge is perfectly safe"),)), "content edge"),
        (replace(GOLD, sources=(at("Lee"),)), "speaker edge"),
        (replace(GOLD, cue=at("said the")), "cue edge"),
        (GOLD, ""),
    ],
)
def test_each_kind_of_mistake_is_told(predicted: Row | None, kind: str) -> None:
    found = mistakes_of(article([GOLD]), [] if predicted is None else [predicted])
    assert [mistake.kind for mistake in found] == ([kind] if kind else [])


def test_what_is_only_predicted_is_invented_and_costs_its_confidence() -> None:
    (mistake,) = mistakes_of(article([]), [replace(GOLD, confidence=0.75)])
    assert (mistake.kind, mistake.cost, mistake.gold) == ("invented", 0.75, None)
    assert mistakes_of(article([replace(GOLD, sources=())]), [GOLD])[0].kind == "speaker invented"


def test_the_worst_hold_every_kind_and_the_costliest_of_each() -> None:
    made = [Mistake("a", "missed", 1.0, GOLD, None)] + [
        Mistake("a", "content edge", n / 10, GOLD, GOLD) for n in range(9)
    ]
    chosen = worst(made, 5)
    assert [mistake.kind for mistake in chosen] == ["missed"] + ["content edge"] * 4
    assert [mistake.cost for mistake in chosen[1:]] == [0.8, 0.7, 0.6, 0.5]
    assert worst(made, 1)[0].kind == "missed"


def test_the_list_shows_words_or_only_places() -> None:
    made = mistakes_of(article([GOLD]), [replace(GOLD, content=(at("safe"),))])
    words = render_mistakes(made, texts={"a": TEXT}, count=3)
    assert "     1  other content" in words and "     0  missed" in words
    assert "[Ann Lee] {said} safe" in words
    places = render_mistakes(made, texts={"a": TEXT}, count=3, quote=False)
    assert "safe" not in places and "[0–7] {8–12}" in places
    assert set(KINDS) >= {mistake.kind for mistake in made}
