"""Names of speakers, phenomenon by phenomenon, on articles written for this (see marking.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from quotewire.errors import ModelFolderError
from quotewire.extraction.resolve import Attribution, Names, Resolver
from quotewire.types import Article, Span, SpeakerType
from tests.extraction.marking import answers, marked, speakers


@pytest.fixture(scope="module")
def resolver() -> Resolver:
    return Resolver.load()


ONE_SPEAKER = {
    "full name": (
        "|[[Martha Ellison]] <<said>> {{the bridge would reopen}}.|",
        "Martha Ellison",
    ),
    "last name": (
        "Martha Ellison runs the harbour.\n\n|[[Ellison]] <<said>> {{the bridge was safe}}.|",
        "Martha Ellison",
    ),
    "last name, the full name comes later": (
        "|[[Ellison]] <<said>> {{the bridge was safe}}.|\n\n"
        "Martha Ellison has run the harbour since May.",
        "Martha Ellison",
    ),
    "title before a last name": (
        "Peter Quill and Anna Quill run the shop.\n\n|[[Mrs. Quill]] <<said>> {{sales fell}}.|",
        "Anna Quill",
    ),
    "she": (
        "Martha Ellison opened the bridge on Monday. |[[She]] <<said>> {{it was safe}}.|",
        "Martha Ellison",
    ),
    "he, with a woman nearer": (
        "Robert Hale praised Martha Ellison on Monday. |[[He]] <<said>> {{it was time}}.|",
        "Robert Hale",
    ),
    "description after the name": (
        "|[[Martha Ellison, the harbour’s chief engineer,]] <<said>> {{it was safe}}.|",
        "Martha Ellison",
    ),
    "description before the name": (
        "|[[Harbour board spokeswoman Martha Ellison]] <<said>> {{it was safe}}.|",
        "Martha Ellison",
    ),
    "name in apposition": (
        "|[[The party chairman, Robert Hale,]] <<said>> {{the vote was fair}}.|",
        "Robert Hale",
    ),
    "office, party and state": (
        "|[[Sen. Robert Hale (R-Ohio)]] <<said>> {{the vote was fair}}.|",
        "Robert Hale",
    ),
    "name of a house with its article": (
        "|[[The Meridian Institute]] <<said>> {{wages rose}}.|",
        "Meridian Institute",
    ),
    "paper by its last word": (
        "The Halford Times printed the letter.\n\n|[[The Times]] <<reported>> {{a split}}.|",
        "Halford Times",
    ),
    "acronym": (
        "The Federal Bridge Authority met on Monday.\n\n|[[The FBA]] <<said>> {{no}}.|",
        "Federal Bridge Authority",
    ),
    "nickname": (
        "Jennifer Hale won.\n\n|[[Jenny Hale]] <<said>> {{she was glad}}.|",
        "Jennifer Hale",
    ),
    "unnamed people stay as they are described": (
        "Robert Hale lost.\n\n|[[Several aides]] <<said>> {{he would go}}.|",
        "Several aides",
    ),
    "an unnamed source gets nobody's name": (
        "Robert Hale lost. Martha Ellison won.\n\n"
        "|[[A spokesman for the city]] <<said>> {{the count was right}}.|",
        "A spokesman for the city",
    ),
    "relative pronoun": (
        "|The vote was called by Martha Ellison, [[who]] <<said>> {{it was fair}}.|",
        "Martha Ellison",
    ),
    "the author": (
        "The town is quiet. |[[I]] <<think>> {{it will stay so}}.|",
        None,
    ),
}


@pytest.mark.parametrize("name", ONE_SPEAKER)
def test_one_speaker(resolver: Resolver, name: str) -> None:
    text, speaker = ONE_SPEAKER[name]
    assert speakers(resolver, text)[-1] == speaker


def test_a_speaker_is_followed_over_paragraphs(resolver: Resolver) -> None:
    text = (
        "|[[Martha Ellison]] <<told>> the council on Monday {{that the bridge was safe}}.|\n\n"
        "|“{{We tested every bolt}},” [[she]] <<said>>.|\n\n"
        "|[[Ellison]] <<added>> {{that trucks would be weighed}}.|"
    )
    assert speakers(resolver, text) == ["Martha Ellison"] * 3


def test_two_speakers_take_turns(resolver: Resolver) -> None:
    text = (
        "|[[Martha Ellison]] <<said>> {{the bridge was safe}}.|\n\n"
        "|[[Robert Hale]] <<said>> {{he doubted it}}.| "
        "|[[He]] <<called>> {{the tests a joke}}.|\n\n"
        "|[[Ellison]] <<said>> {{the tests were sound}}.| |[[She]] <<said>> {{nobody was hurt}}.|"
    )
    assert speakers(resolver, text) == [
        "Martha Ellison",
        "Robert Hale",
        "Robert Hale",
        "Martha Ellison",
        "Martha Ellison",
    ]


def test_joint_speakers_are_joined_with_and(resolver: Resolver) -> None:
    text = (
        "Martha Ellison met Robert Hale on Monday.\n\n"
        "|[[Ellison and Hale]] <<said>> {{they agreed}}.|\n\n"
        "|[[Ellison and her lawyers]] <<said>> {{they were ready}}.|"
    )
    named = answers(resolver, text)
    assert [n.speaker for n in named] == [
        "Martha Ellison and Robert Hale",
        "Martha Ellison and her lawyers",
    ]
    assert [n.speaker_type for n in named] == [SpeakerType.GROUP] * 2


def test_an_and_inside_a_description_joins_nobody(resolver: Resolver) -> None:
    text = (
        "|[[Robert Hale, president and founder of Hale Motors,]] <<said>> {{sales rose}}.|\n\n"
        "|[[Officials in Norway and Sweden]] <<said>> {{the border was open}}.|"
    )
    assert speakers(resolver, text) == ["Robert Hale", "Officials in Norway and Sweden"]


def test_i_in_a_quote_is_the_one_who_speaks(resolver: Resolver) -> None:
    text = "Martha Ellison was asked twice. “I think it is safe,” Ellison said."
    start = text.index("I think")
    inner = Attribution(
        Span(start, start + 1),
        Span(start + 2, start + 7),
        (Span(start + 8, start + 18),),
        None,
        None,
        None,
    )
    said = text.index("Ellison said")
    outer = Attribution(
        Span(said, said + 7),
        Span(said + 8, said + 12),
        (Span(start, start + 18),),
        None,
        None,
        None,
    )
    named = resolver.resolve(Article(id="a", text=text), [inner, outer])
    assert [n.speaker for n in named] == ["Martha Ellison", "Martha Ellison"]


def test_the_title_belongs_to_the_article(resolver: Resolver) -> None:
    text = "|[[Ellison]] <<said>> {{the bridge was safe}}.|"
    assert speakers(resolver, text, title="Harbour chief Martha Ellison defends bridge") == [
        "Martha Ellison"
    ]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("Martha Ellison", SpeakerType.PERSON),
        ("The Meridian Institute", SpeakerType.ORGANIZATION),
        ("Several officials", SpeakerType.GROUP),
        ("the report", SpeakerType.DOCUMENT),
    ],
)
def test_types(resolver: Resolver, source: str, kind: SpeakerType) -> None:
    assert answers(resolver, f"|[[{source}]] <<said>> {{{{it was so}}}}.|")[0].speaker_type is kind


def test_the_models_guess_stands_where_the_resolver_is_not_sure(resolver: Resolver) -> None:
    plain, [attribution] = marked("|[[Qo]] <<said>> {{it was so}}.|")
    guessed = Attribution(
        attribution.source, attribution.cue, attribution.content, SpeakerType.DOCUMENT, None, None
    )
    plain = plain.replace("Qo", "qo")
    named = resolver.resolve(Article(id="a", text=plain), [guessed])
    assert named[0].speaker_type in (SpeakerType.DOCUMENT, *SpeakerType)


def test_nobody_speaks_where_nobody_stands(resolver: Resolver) -> None:
    named = answers(resolver, "|{{The shop was empty}}, it <<was said>>.|")
    assert named == [Names(None, None, None)]


@pytest.mark.parametrize(
    "text",
    [
        "|[[Мария Иванова]] <<сказала>> {{что мост открыт}}.|",
        "|[[مريم]] <<قالت>> {{الجسر مفتوح}}.|",
        "|[[田中さん]] <<は>> {{橋は安全だ}} と言った。|",
        "|[[martha ellison]] <<said>> {{it was safe}}.|",
        "|[[MARTHA ELLISON]] <<SAID>> {{IT WAS SAFE}}.|",
    ],
)
def test_without_capitals_the_mention_is_the_name(resolver: Resolver, text: str) -> None:
    plain, [attribution] = marked(text)
    assert attribution.source is not None
    named = resolver.resolve(Article(id="a", text=plain), [attribution])
    assert named[0].speaker == attribution.source.slice(plain)


def test_a_broken_weights_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "resolver.json").write_text('{"features": []}')
    with pytest.raises(ModelFolderError, match=r"resolver\.json"):
        Resolver.load(tmp_path)


def test_a_folder_without_weights_has_the_packages_own(tmp_path: Path) -> None:
    text = "Martha Ellison came. |[[She]] <<said>> {{yes}}.|"
    assert speakers(Resolver.load(tmp_path), text) == ["Martha Ellison"]
