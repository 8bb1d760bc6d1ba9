"""Names of intermediaries: the outlet, platform, person or document behind a mention."""

from __future__ import annotations

import re
from collections.abc import Mapping

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions import ORGANISATION, PERSON, PLACE, UNKNOWN, Name
from quotewire.extraction.names_kinds import pronoun_kinds
from quotewire.extraction.resolve_reading import Reading
from quotewire.types import IntermediaryKind, Span

# Text inside quotation marks: the title of a programme, a book, a column.
_TITLE = re.compile(r"[“\"‘«]\s*([^“”\"‘«»]+?)\s*[”\"’»]?$|[“\"‘«]\s*([^“”\"‘«»]+?)\s*[”\"’»]")
_ARTICLE = re.compile(r"^(?:the|a|an|their|his|her|its|our|my)\s+", re.IGNORECASE)


def intermediary_name(
    reading: Reading,
    span: Span,
    kind: IntermediaryKind,
    as_speaker: Mapping[Span, str | None],
) -> str | None:
    """The name of the intermediary at ``span`` (code points of the page's text); None for unnamed
    ones ("reporters", "a local station").  ``as_speaker`` are the names of mentions that are also
    the source of a statement: the relay of a nested one."""
    page = reading.page
    mention = page.text[span.start : span.end].strip()
    if not mention or kind is IntermediaryKind.PRESS:
        return None
    first, last = page.inside(span.start, span.end)
    names: list[Name] = []
    i = first
    while i < last:
        name = reading.index.at.get(i)
        if name is not None and name.last <= last:
            names.append(name)
            i = max(name.last, i + 1)
        else:
            i += 1
    if kind is IntermediaryKind.PERSON:
        if span in as_speaker:
            return as_speaker[span]
        return _first(reading, names, (PERSON, UNKNOWN))
    quoted = _TITLE.search(mention)
    title = next((g for g in quoted.groups() if g), None) if quoted else None
    if kind is IntermediaryKind.DOCUMENT:
        return title or _first(reading, names, (ORGANISATION, UNKNOWN), documents=True)
    if kind is IntermediaryKind.PLATFORM:
        return _first(reading, names, (ORGANISATION, UNKNOWN)) or _named(mention)
    outlet = _first(reading, names, (ORGANISATION,))
    return outlet or title or _first(reading, names, (UNKNOWN,)) or _named(mention)


def _first(
    reading: Reading, names: list[Name], kinds: tuple[str, ...], *, documents: bool = False
) -> str | None:
    """The fullest name of the first entity of these kinds."""
    for name in names:
        entity = reading.entities[name.entity]
        if documents and entity.kind == PERSON:
            continue
        if entity.kind in kinds or (name.kind in kinds and entity.kind not in (PERSON, PLACE)):
            return entity.text
    return None


def _named(mention: str) -> str | None:
    """The mention itself when it looks like a name ("@jaketapper", "Medium", "Россия 1")."""
    bare = _ARTICLE.sub("", mention).strip(" ,.;:")
    lex = lexicon()
    low = bare.casefold()
    if low in pronoun_kinds() or low in lex["group_nouns"] or not bare:
        return None
    cased = bare[0].isupper() or not (bare[0].islower() or bare[0].isupper())
    inner = any(word[:1].isupper() for word in bare.split())
    return bare if cased or inner else None
