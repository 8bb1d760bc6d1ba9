"""Silver labels of nested statements, with the fake model whose finds can be told by hand."""

from __future__ import annotations

from quotewire.training.corpus import BARE, WHOLE, Attribution, LabelledArticle
from quotewire.training.silver import as_page, with_silver_nested
from quotewire.types import Span
from tests.fakes import fake_extractor

INNER = "Bob said the taxes would never rise"


def article(name: str, content: str, *, layer: str, nested: bool = False) -> LabelledArticle:
    """Ann said CONTENT; with ``nested``, the inner statement of INNER is labelled by hand."""
    lead = "Ann told Reuters "
    start = len(lead)
    text = f"{lead}{content}."
    labels = [
        Attribution(
            cue=Span(4, 8), source=(Span(0, 3),), content=(Span(start, start + len(content)),)
        )
    ]
    if nested:
        labels.append(Attribution(cue=Span(start + 4, start + 8), nested=True))
    return LabelledArticle(name, text, None, None, tuple(labels), layer, layer == WHOLE)


def test_a_page_keeps_places_and_hides_the_frame() -> None:
    text = "“No taxes,” Ann said, “none at all.”"
    start, page = as_page(text, [Span(0, 11), Span(22, len(text))])
    assert (start, len(page)) == (0, len(text))
    assert page.split() == ["No", "taxes,", "none", "at", "all."]
    assert page.index("none") == text.index("none")
    start, page = as_page("She said ßo und so", [Span(9, 18)])
    assert (start, page) == (9, "ßo und so")  # a capital that is longer would move everything


def test_what_was_right_where_people_labelled_is_believed_elsewhere() -> None:
    taught = [
        article(f"t{n}", content, layer=WHOLE, nested=content is INNER)
        for n in range(12)
        for content in (INNER, "the city wants more taxes and roads", "nothing new has come of it")
    ]
    bare = article("b", INNER, layer=BARE)
    doubtful = article("d", "the city wants more taxes and roads", layer=BARE)
    *same, silver, doubted = with_silver_nested([*taught, bare, doubtful], fake_extractor())
    assert same == taught
    assert silver.nested_known and silver.attributions[0] == bare.attributions[0]
    (found,) = silver.attributions[1:]
    assert found.nested and found.probability > 0.6
    assert found.cue.slice(silver.text) == "said"
    assert [span.slice(silver.text) for span in found.source] == ["Bob"]
    assert [span.slice(silver.text) for span in found.content] == ["the taxes would never rise"]
    assert not found.relays_known
    assert all(a.probability < 0.4 for a in doubted.attributions[1:])


def test_without_a_nested_statement_to_learn_from_nothing_is_added() -> None:
    articles = [
        article("w", "nothing new has come of it", layer=WHOLE),
        article("b", INNER, layer=BARE),
    ]
    assert with_silver_nested(articles, fake_extractor()) == articles
