"""Names of intermediaries, on sentences written for this (see marking.py)."""

from __future__ import annotations

import pytest

from quotewire.extraction.resolve import Resolver
from quotewire.types import Article, IntermediaryKind
from tests.extraction.marking import marked


@pytest.fixture(scope="module")
def resolver() -> Resolver:
    return Resolver.load()


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("|[[Hale]] <<told>> ((reporters)) {{no}}.|", IntermediaryKind.PRESS, None),
        ("|[[Hale]] <<told>> ((Reuters)) {{no}}.|", IntermediaryKind.OUTLET, "Reuters"),
        ("|[[Hale]] <<told>> ((CNN’s Jane Poole)) {{no}}.|", IntermediaryKind.OUTLET, "CNN"),
        (
            "The Halford Times asked. |[[Hale]] <<told>> ((the Times)) {{no}}.|",
            IntermediaryKind.OUTLET,
            "Halford Times",
        ),
        (
            "|[[Hale]] <<said>> on ((“Morning & Noon”)) {{no}}.|",
            IntermediaryKind.OUTLET,
            "Morning & Noon",
        ),
        ("|[[Hale]] <<told>> ((a local station)) {{no}}.|", IntermediaryKind.OUTLET, None),
        ("|[[Hale]] <<wrote>> on ((Twitter)) {{no}}.|", IntermediaryKind.PLATFORM, "Twitter"),
        (
            "Jane Poole asked. |[[Hale]] <<told>> ((Poole)) {{no}}.|",
            IntermediaryKind.PERSON,
            "Jane Poole",
        ),
        (
            "|[[Hale]] <<wrote>> in his book ((“The Long Count”)) {{no}}.|",
            IntermediaryKind.DOCUMENT,
            "The Long Count",
        ),
        ("|[[Hale]] <<said>> in ((a report)) {{no}}.|", IntermediaryKind.DOCUMENT, None),
    ],
)
def test_intermediaries(
    resolver: Resolver, text: str, kind: IntermediaryKind, name: str | None
) -> None:
    plain, attributions = marked(text, kind)
    assert resolver.resolve(Article(id="a", text=plain), attributions)[0].intermediary == name
