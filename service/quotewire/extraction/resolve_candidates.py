"""The candidates of a source phrase: what it may stand for, each with the marks of where it was
found."""

from __future__ import annotations

from collections.abc import Sequence

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions import PERSON, PLACE, Name
from quotewire.extraction.mentions_page import Word
from quotewire.extraction.names_joint import solid
from quotewire.extraction.names_kinds import (
    BODY,
    HE,
    IT,
    LETTER,
    LONG_NAME,
    MANY,
    ME,
    NOTHING,
    ONE,
    OTHER,
    PAPER,
    PRONOUN_KINDS,
    SHE,
    SHORT_NAME,
    THEY,
    THIS,
    WHICH,
    WHO,
)
from quotewire.extraction.names_phrase import phrase_before
from quotewire.extraction.resolve_context import Answer, Query, Timeline
from quotewire.extraction.resolve_nouns import (
    WANTED,
    by_class,
    by_role,
    near_nouns,
    pairs,
    plurals_before,
    same_head,
    subject,
    without_verb,
)
from quotewire.extraction.resolve_reading import Reading, words_kind
from quotewire.extraction.resolve_search import BANNED, SURE, Candidate, Search

_EDGES = " \t\u00a0,;:."  # stripped off a source that stands for itself
HISTORY = 10  # earlier answers looked at
DESCRIPTIONS = (ONE, BODY, PAPER, MANY, OTHER)
_COUNTING = frozenset(("only", "just", "both", "about", "almost", "nearly", "over"))
_LEAD = 2  # paragraphs after the headline
_MOST_CUTS = 5


def collect(
    reading: Reading,
    timeline: Timeline,
    query: Query,
    *,
    past: Sequence[Answer],
    enclosing: Answer | None,
    echo: Answer | None,
) -> list[Candidate]:
    """The candidates, each with the marks of where it came from.  ``past`` are the answers before
    the query in text order, ``enclosing`` that of the statement around it, ``echo`` that of the
    last source with the same head."""
    search = Search(reading, timeline, query, past)
    found = search.found
    kind = query.phrase.kind
    found.add(None, "is_null")
    if kind not in (NOTHING, LETTER):
        _itself(search)
        _own_names(search)
    if kind in (SHORT_NAME, LONG_NAME):
        return found.all()
    if kind in DESCRIPTIONS:
        _cuts(search)
    if kind == ONE and query.phrase.determiner == "a":
        # "A spokesman" is nobody that was named before; a headline's "New York judge" is named
        # later on.
        if _is_lead(search):
            by_role(search, later=True)
        return found.all()
    if enclosing is not None:
        found.add(enclosing.text, "encloser", entity=enclosing.entity)
    for age, answer in enumerate(reversed(past)):
        if _may_be(reading, kind, answer):
            found.add(answer.text, "said_before", 1.0 / (1 + age), entity=answer.entity)
    for entity in timeline.latest():
        search.nearby(entity, "recent")
    for entity in reading.frequent[:3]:
        search.nearby(entity, "frequent")
    for entity in timeline.next_names(query.phrase.last):
        search.nearby(entity, "comes_next")
    if kind in (WHO, WHICH, THIS):
        _left(search)
    if kind in WANTED:
        near_nouns(search)
    if kind == THEY:
        plurals_before(search)
    if kind == NOTHING:
        subject(search)
    if kind in DESCRIPTIONS:
        if echo is not None:
            found.add(echo.text, "head_echo", entity=echo.entity)
            if echo.query.source.casefold() == query.source.casefold():
                found.add(echo.text, "source_echo", entity=echo.entity)
        same_head(search)
        by_role(search)
        by_class(search)
    pairs(search)
    return found.all()


def _may_be(reading: Reading, kind: str, answer: Answer) -> bool:
    """Whether a phrase of this kind can stand for an earlier speaker, by number, sort, gender."""
    if answer.text is None:
        return False
    if answer.entity >= 0:
        held = reading.entities[answer.entity]
        want = {HE: -1.0, SHE: 1.0}.get(kind, 0.0)
        if want * held.gender <= -SURE:
            return False
        return held.kind not in BANNED.get(kind, frozenset()) or kind == MANY
    sort, several = words_kind(answer.text)
    if kind in (HE, SHE, ME, ONE):
        named = answer.text[:1].isupper() and sort == OTHER
        return (sort == ONE or named) and not several
    if kind in (IT, PAPER, BODY):
        return sort not in (ONE, MANY)
    if kind == THEY:
        return sort != ONE
    return True


def _itself(search: Search) -> None:
    """The phrase itself: whole, without what follows its core, and from its first name on."""
    query, page, found = search.query, search.reading.page, search.found
    phrase = query.phrase
    whole = query.source.strip(_EDGES) or page.slice(phrase.first, phrase.last)
    found.add(whole, "is_self")
    bare = page.slice(phrase.first, phrase.last)
    found.add(bare, "is_bare")
    opening = whole.partition(" ")[0].lower()
    if opening in _COUNTING and not bare.lower().startswith(opening):
        found.add(whole, "is_counted")  # "only three senators"
    if phrase.kind in PRONOUN_KINDS:
        return
    if phrase.core < phrase.last:
        found.add(page.slice(phrase.first, phrase.core), "is_trim")
    if phrase.kind in (PAPER, BODY, MANY, OTHER, ONE):
        found.add(page.slice(phrase.first, phrase.head + 1), "is_short")
        for name in phrase.inner:
            if name.last <= phrase.head + 1:
                # "a Washington Post-ABC News poll" is known as "Washington Post-ABC News poll"
                found.add(page.slice(name.first, phrase.head + 1), "is_named_core")
                break


def _is_lead(search: Search) -> bool:
    """Whether the phrase stands in the headline or the first paragraphs, and is no spokesman's."""
    words, phrase = search.reading.page.words, search.query.phrase
    if words[phrase.head].low in lexicon()["unnamed"]:
        return False
    return words[phrase.first].paragraph <= _LEAD


def _cuts(search: Search) -> None:
    """The description without its ends: "a poll" of "a poll of voters released on Monday"."""
    page, phrase, found = search.reading.page, search.query.phrase, search.found
    held: list[str] = []
    for k in range(phrase.head + 1, phrase.last):
        mark = _edge(page.words, k)
        if mark is None or len(held) == _MOST_CUTS:
            continue
        text = page.slice(phrase.first, k)
        found.add(text, f"cut_{mark}")
        for other in held:
            found.add(text, f"holds_{other}")
        held.append(mark)
    for other in held:
        found.add(page.slice(phrase.first, phrase.last), f"holds_{other}")


_EDGE_MARKS = {
    ",": "comma", "(": "mark", "-": "mark", "–": "mark", "—": "mark", "of": "of", "by": "by",
    "from": "from", "to": "to", "i": "clause", "we": "clause", "he": "clause", "she": "clause",
    "they": "clause", "last": "time", "this": "time", "today": "time", "yesterday": "time",
}  # fmt: skip
_PARTICIPLES = frozenset(
    ("made", "held", "taken", "led", "written", "sent", "given", "seen", "known", "shown", "put")
)


def _edge(words: list[Word], k: int) -> str | None:
    """What begins at the word ``k`` of a description and may be left out of the name."""
    low = words[k].low
    lex = lexicon()
    if low in _EDGE_MARKS:
        return _EDGE_MARKS[low]
    if low in lex["relatives"]:
        return "who"
    if low in lex["prepositions"]:
        return "prep"
    if low in lex["weekdays"]:
        return "time"
    if low.endswith("ing") and len(low) > 4:
        return "ing"
    if (low.endswith("ed") and len(low) > 3) or low in _PARTICIPLES:
        return "ed"
    return None


def _own_names(search: Search) -> None:
    """The names in the phrase, by their place in it."""
    phrase = search.query.phrase

    def senses(name: Name, mark: str) -> None:
        for e in name.senses:
            search.entity(e, mark)
        search.entity(name.entity, mark + "_first")

    if phrase.name is not None:
        senses(phrase.name, "head_name")
        text = search.reading.page.slice(phrase.name.first, phrase.name.last)
        search.found.add(text, "head_form")
        if phrase.name.kind == PLACE and len(phrase.name.key) == 1:
            # "Paris, who used to work on Capitol Hill"
            for e in search.reading.by_last_word.get(phrase.name.key[0], ())[:2]:
                if search.reading.entities[e].kind == PERSON:
                    search.entity(e, "head_namesake")
    words = search.reading.page.words

    def owns(name: Name) -> bool:
        return name.last < len(words) and words[name.last].low in ("'s", "’", "'")

    for name in phrase.apposed[:2]:
        senses(name, "inner_owner" if owns(name) else "apposed")
    for name in phrase.inner[:3]:
        senses(name, "inner_owner" if owns(name) else "inner")


def _left(search: Search) -> None:
    """What a relative pronoun stands after: a name, a noun phrase, or somebody further left."""
    reading, query, found = search.reading, search.query, search.found
    page = reading.page
    words = page.words
    i = query.phrase.first
    comma = i > 0 and words[i - 1].text in ",)–—-"
    end = i - 1 if comma else i
    if comma and words[i - 1].text == ")":
        while end > 0 and words[end].text != "(" and i - end < 8:
            end -= 1
    while end > 0 and not solid(words[end - 1]):
        end -= 1
    if end <= 0:
        return
    name = reading.index.ending.get(end)
    head = end - 1 if name is None else name.last - 1
    if name is not None and name.kind != PLACE:
        for e in name.senses:
            search.entity(e, "left_name", 1.0 if e == name.entity else 0.5)
    start = phrase_before(page, head)
    found.add(page.slice(start, head + 1), "left_phrase")
    without_verb(search, start, head + 1)
    if start > 1 and words[start - 1].low in ("of", "in", "for", "at", "from", "on", "with", "to"):
        # "voters in Iowa who", "Alan Berger of Englewood, who"
        further = reading.index.ending.get(start - 1)
        if further is not None:
            search.entity(further.entity, "left_further_name")
        longer = phrase_before(page, start - 2)
        found.add(page.slice(longer, head + 1), "left_longer")
    _left_people(search)


def _left_people(search: Search) -> None:
    """The names before a relative pronoun: the nearest person, and whoever is described up to it
    ("Wayne Barrett, the Village Voice reporter who")."""
    reading, query = search.reading, search.query
    words = reading.page.words
    i = query.phrase.first
    here = words[min(i, len(words) - 1)].sentence
    people = 0
    for k in range(i, max(0, i - 25), -1):
        if words[k - 1].sentence != here:
            break
        name = reading.index.ending.get(k)
        if name is None:
            continue
        entity = reading.entities[name.entity]
        apposed = k + 1 < i and words[k].text == "," and entity.kind != PLACE
        if query.phrase.kind == WHICH:
            if apposed and entity.kind != PERSON and words[k + 1].low in ("a", "an", "the"):
                search.entity(name.entity, "left_described")
                break
            continue
        if not entity.is_personlike:
            continue
        people += 1
        if people == 1:
            search.entity(name.entity, "left_person")
            if apposed:
                search.entity(name.entity, "left_apposed")  # "Jane Doe, a lawyer, who"
        elif apposed and words[k + 1].low in ("a", "an", "the"):
            search.entity(name.entity, "left_described")
        if people == 2:
            break
