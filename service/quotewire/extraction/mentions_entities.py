"""Joins the names of a page into entities: "Clinton", "Mrs. Clinton" and "Hillary Clinton" are one.

Longer names first; a shorter name can stand for each longer one that it is a form of, and for each
mention the likeliest is chosen by title, order and nearness.
"""

from __future__ import annotations

import re
from collections import Counter
from math import log1p

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions import (
    ORGANISATION,
    PERSON,
    PLACE,
    UNKNOWN,
    Entity,
    Name,
)
from quotewire.extraction.mentions_index import NameIndex
from quotewire.extraction.mentions_page import Page

_MAX_SLIPS = 3  # a name that stands more often is no slip
_REACH = 15  # words after a name in which a pronoun tells whom it means


def join_entities(page: Page, names: list[Name]) -> list[Entity]:
    """Joins the names into entities and sets each name's ``entity`` and ``senses``."""
    _drop_fronts(page, names)
    forms: dict[tuple[str, ...], list[Name]] = {}
    for name in names:
        forms.setdefault(name.key, []).append(name)
    entities: list[Entity] = []
    index = NameIndex({w.low for w in page.words if w.text[0].islower()})
    # Longer names first: a shorter one is then a form of what is already there, or new.
    order = sorted(forms, key=lambda key: (-len(key), -len(forms[key]), forms[key][0].first))
    for key in order:
        group = forms[key]
        kind = _kind_of(page, group)
        first = min(n.first for n in group)
        titled = any(n.titles for n in group)
        senses = index.senses(key, kind, entities, first=first, titled=titled)
        if not senses and len(group) <= _MAX_SLIPS:
            senses = index.misspelt(key, kind)
        if not senses and kind == ORGANISATION and len(key) == 1:
            senses = index.shouted(key[0])
        if senses and len(key) == 1:
            senses = senses + _of_other_gender(page, group, senses, entities)
        if not senses:
            entity = Entity(index=len(entities), key=key, text=_text(page, group))
            entities.append(entity)
            index.add(entity, kind, first=first)
            senses = [entity.index]
        for name in group:
            name.senses = tuple(senses)
    _assign(page, names, entities)
    return entities


def _kind_of(page: Page, group: list[Name]) -> str:
    """The commonest kind of the names of one form; a word that does not always stand in capitals
    is no acronym ("PENCE" in a transcript)."""
    mixed = [n for n in group if not page.words[n.first].text.isupper()]
    return Counter(n.kind for n in mixed or group).most_common(1)[0][0]


def _of_other_gender(
    page: Page, group: list[Name], senses: list[int], entities: list[Entity]
) -> list[int]:
    """A new entity for "Mr. Obama" where only a Michelle Obama is named in full."""
    lex = lexicon()
    known = {lex.gender.get(entities[e].key[0]) for e in senses if len(entities[e].key) > 1}
    if len(known) != 1 or not known <= {"m", "f"}:
        return []
    other = [n for n in group if title_gender(n.titles) not in (None, *known)]
    if not other:
        return []
    entity = Entity(index=len(entities), key=group[0].key, text=_text(page, other))
    entity.genders["m" if known == {"f"} else "f"] += 8
    entities.append(entity)
    return [entity.index]


def _drop_fronts(page: Page, names: list[Name]) -> None:
    """Takes a capitalised word that is no given name off a person's name ("Asserting Clinton"),
    when the article knows a person of that last name by a given name."""
    lex = lexicon()
    lower = {w.low for w in page.words if w.text[0].islower()}
    known: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    forms: Counter[tuple[str, ...]] = Counter(n.key for n in names)
    for name in names:
        if len(name.key) > 1 and name.key[0] in lex.gender and name.kind == PERSON:
            known[name.key[-1]] += 1
        elif len(name.key) == 1:
            alone[name.key[0]] += 1
    bodies = {n.key for n in names if page.words[n.first].paragraph}
    lone = Counter(n.key[0] for n in names if len(n.key) == 1)
    for name in names:
        if (
            len(name.key) > 2
            and name.kind == PERSON
            and lex.gender.get(name.key[0]) in ("m", "f")
            and lone[name.key[1]] > 1
            and not any(lone[low] or low in lex["suffixes"] for low in name.key[2:])
            and name.last - name.first == len(name.key)
        ):
            # "Barack Obama Election Day" is named for one whom the article calls Obama.
            name.last = name.first + 2
            name.key = name.key[:2]
        last, front = name.key[-1], name.key[0]
        if (
            len(name.key) == 2
            and name.key not in bodies
            and (last,) in bodies
            and name.kind == UNKNOWN
            and front not in lex.gender
        ):
            # "Derelict Obama" in a headline: the article itself would say the name in full.
            name.first = name.last - 1
            name.key = (last,)
            continue
        if (
            len(name.key) > 1
            and (front in lower or front in lex.common or front.endswith(("ing", "ed", "es")))
            and name.kind == UNKNOWN
            and name.key[0] not in lex.gender
            and name.key[0].rstrip(".") not in lex["particles"]
            and len(name.key[0].rstrip(".")) > 1
            and forms[name.key] <= 2
            and (known[last] or alone[last] > 4 * forms[name.key])
        ):
            name.first = name.last - 1
            name.key = (last,)


def _text(page: Page, group: list[Name]) -> str:
    """How the name is written: outside of headlines where possible, in its commonest form."""
    body = [n for n in group if not page.words[n.first].headline] or group
    return Counter(page.slice(n.first, n.last) for n in body).most_common(1)[0][0]


def _assign(page: Page, names: list[Name], entities: list[Entity]) -> None:
    """Chooses one sense for each name: the one that title, order and nearness speak for.

    A short name means somebody who was already named in full (unless nobody was), mostly the one
    it meant before, and rather the one named in full just now.
    """
    lex = lexicon()
    for entity in entities:
        given = lex.gender.get(entity.key[0])
        if given in ("m", "f"):
            entity.genders[given] += 6 if len(entity.key) > 1 else 3
        elif given is None and len(entity.key) == 2 and _UNKNOWN_WOMAN.fullmatch(entity.key[0]):
            entity.genders["f"] += 1
    for name in names:
        if len(name.senses) == 1 and len(name.key) > 1:
            entities[name.senses[0]].fulls.append(name.first)
    count: Counter[int] = Counter()
    titled = _by_title(names, entities)
    votes: list[Counter[str]] = [Counter() for _ in entities]
    seen: dict[int, int] = {}  # entity -> where it was last named in full
    for n, name in enumerate(names):
        gender = title_gender(name.titles)
        chosen = name.senses[0]
        if len(name.senses) > 1:
            follow = _pronoun_after(page, names, n)
            known = any(e in seen for e in name.senses)
            worths: list[tuple[float, int]] = []
            for e in name.senses:
                worth = 2.0 * log1p(count[e]) + 0.5 * log1p(len(entities[e].fulls))
                worth -= 0.2 * len(entities[e].key)
                worth += 2.0 * log1p(titled[e])
                if known and e not in seen and not titled[e]:
                    worth -= 8.0
                elif e in seen:
                    worth += 3.0 * 0.97 ** min(200, name.first - seen[e])
                if gender and entities[e].genders:
                    worth += 20.0 if entities[e].genders[gender] else -20.0
                if follow and entities[e].genders:
                    worth += 1.5 if entities[e].genders[follow] else -1.5
                if name.key[-1] == entities[e].key[-1]:
                    worth += 0.5
                worths.append((worth, -e))
            chosen = -max(worths)[1]
        name.entity = chosen
        count[chosen] += 1
        entity = entities[chosen]
        if len(name.key) > 1:
            seen[chosen] = name.first
        if len(name.key) > 1 or len(entity.key) == 1:
            votes[chosen][name.kind] += 1
        if name.titles and name.kind == PERSON:
            votes[chosen][PERSON] += 2
        if gender:
            entity.genders[gender] += 8
        entity.roles.update(name.titles)
        entity.places.append(name.first)
        if page.words[name.first].headline:
            entity.headline = True
    for entity, kinds in zip(entities, votes, strict=True):
        if kinds:
            entity.kind = kinds.most_common(1)[0][0]
    _speakers(page, names, entities)
    _towns(page, names, entities)


# Given names that we do not know and that end like this are mostly women's ("Tyresha").
_UNKNOWN_WOMAN = re.compile(r"[a-z]{3,}(?:a|elle|ette|lyn|lynn|ine|ie)")


def _by_title(names: list[Name], entities: list[Entity]) -> Counter[int]:
    """How often each entity is the only sense of a short name that its title's gender allows."""
    out: Counter[int] = Counter()
    for name in names:
        gender = title_gender(name.titles)
        if gender and len(name.senses) > 1:
            fitting = [e for e in name.senses if entities[e].genders[gender]]
            if len(fitting) == 1:
                out[fitting[0]] += 1
    return out


def _pronoun_after(page: Page, names: list[Name], n: int) -> str | None:
    """The gender of the first he or she after a name, in its sentence and before the next name."""
    lex = lexicon()
    words = page.words
    name = names[n]
    end = names[n + 1].begin if n + 1 < len(names) else len(words)
    for word in words[name.last : min(end, name.last + _REACH)]:
        if word.sentence != words[name.first].sentence:
            break
        if word.low in lex["pronouns_he"]:
            return "m"
        if word.low in lex["pronouns_she"]:
            return "f"
    return None


def _speakers(page: Page, names: list[Name], entities: list[Entity]) -> None:
    """Takes a name of two or three unknown words for a person's once it is shortened to its last
    word, or speaks."""
    words = page.words
    speaking = lexicon()["speaking_surely"]
    for name in names:
        entity = entities[name.entity]
        if entity.kind != UNKNOWN or not 2 <= len(entity.key) <= 4:
            continue
        after = words[name.last].low if name.last < len(words) else ""
        before = words[name.begin - 1].low if name.begin else ""
        shortened = len(name.key) == 1 and name.key[0] == entity.key[-1]
        if shortened or after in speaking or before in speaking:
            entity.kind = PERSON


def _towns(page: Page, names: list[Name], entities: list[Entity]) -> None:
    """Takes a lone unknown word for a place when it mostly stands after "in" or "near"."""
    words = page.words
    inside: Counter[int] = Counter()
    for name in names:
        if name.begin and words[name.begin - 1].low in ("in", "near", "outside"):
            inside[name.entity] += 1
    for e, times in inside.items():
        entity = entities[e]
        alone = entity.kind == UNKNOWN and len(entity.key) == 1
        if alone and 2 * times > len(entity.places):
            entity.kind = PLACE


def title_gender(titles: tuple[str, ...]) -> str | None:
    """Whether the titles are a man's ("m") or a woman's ("f"); None if they do not say."""
    lex = lexicon()
    for title in titles:
        if title in lex["titles_male"]:
            return "m"
        if title in lex["titles_female"]:
            return "f"
    return None
