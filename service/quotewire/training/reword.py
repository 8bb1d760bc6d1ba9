"""Statements told anew, through an intermediary that is made up.

The labels name an intermediary for one statement in thirty, and some ways to name one hardly ever:
"was quoted by … as saying" stands once in all of the training articles.  So that the network meets
them often, and with ever other names, "Smith said" becomes "Smith told Radio Lisbon", "Smith was
quoted by the Fars news agency as saying", "Smith said in an interview with La Voz".  The sentences
are templates of this project; labels move with the text.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from quotewire.training.corpus import Attribution, LabelledArticle
from quotewire.types import Span

_OUTLETS = (
    "Reuters|AFP|Xinhua|TASS|ANSA|EFE|Kyodo|Bloomberg|The Associated Press|the Press Association"
    "|the Fars news agency|state news agency KCNA|the official Saudi Press Agency|dpa|Anadolu"
    "|BBC News|the BBC|BBC Radio 4|BBC Scotland|Sky News|ITV News|Channel 4 News|RTE|NHK|ARD|ZDF"
    "|Al Jazeera|Al Arabiya|France 24|RAI|Globo|NDTV|ABC News|CBS News|NPR|CNN|CNN International"
    "|CNBC|MSNBC|Fox News|PBS|C-SPAN|Univision|Telemundo|CBC|Radio Free Europe|Voice of America"
    "|The Guardian|the Guardian|The Times|the Financial Times|The Economist|The Independent"
    "|the Daily Mail|The Sun|The Washington Post|the New York Times|The Wall Street Journal"
    "|USA Today|the Los Angeles Times|the Chicago Tribune|The Boston Globe|The Denver Post"
    "|Politico|Axios|BuzzFeed|HuffPost|Vox|The Atlantic|Time magazine|Newsweek|Rolling Stone"
    "|Variety|Wired|Nature|New Scientist|Der Spiegel|Germany’s Bild newspaper|Die Welt|Die Zeit"
    "|Le Monde|French daily Le Figaro|Liberation|El País|Spain’s El Mundo|Corriere della Sera"
    "|La Repubblica|De Telegraaf|Dagens Nyheter|Aftenposten|Gazeta Wyborcza|Kommersant|Izvestia"
    "|Hurriyet|Haaretz|Israel’s Channel 12|Al-Ahram|the Dawn newspaper|the Times of India"
    "|The Hindu|the Straits Times|the South China Morning Post|the Global Times|Asahi Shimbun"
    "|Nikkei|the Korea Herald|Tuoi Tre|the Bangkok Post|The Sydney Morning Herald|the Age"
    "|the New Zealand Herald|El Universal|Mexico’s Reforma|Folha de S.Paulo|La Nación|Clarín"
    "|local newspaper La Voz|the local paper|a local radio station|local television|state TV"
    "|state media|the student newspaper|Gamespot|Autosport|L’Equipe|Gazzetta dello Sport|ESPN"
)
_PLACES = (
    "Lisbon|Kent|Ashby|Lagos|Nairobi|Riga|Osaka|Bergen|Tulsa|Dayton|Fresno|Harlow|Essex|Cork|Leeds"
    "|Yorkshire|Galway|Perth|Durban|Accra|Quito|Lima|Lviv|Minsk|Baku|Izmir|Nice|Lyon|Turin|Malmo"
    "|Eastbrook|Norfolk|Fairview|Salem|Bristol|Madison|Concord|Aurora|Plymouth|Kabul|Manila|Hanoi"
)
_PAPERS = "Times|Post|Herald|Gazette|Chronicle|Tribune|Courier|Echo|Star|Argus|Mail|Sentinel|News"
_SHOWS = (
    "“Meet the Press”|“Face the Nation”|“Fox & Friends”|“The Daily Show”|“Good Morning America”"
    "|the Today programme|BBC Radio 4’s Today programme|NBC’s “Today”|CNN’s “State of the Union”"
    "|ABC’s “This Week”|“60 Minutes”|CBS’s “Face the Nation”|Newsnight|Question Time|Morning Joe"
    "|Fox News Sunday|PBS NewsHour|BBC Breakfast|the Andrew Marr Show|“The Late Show”|Panorama"
    "|the “Long Lunch” podcast|NPR’s “Morning Edition”|the Westward podcast|his radio show"
    "|Sky’s Sunday morning show|the evening news|breakfast television|“Hardball”|talkSPORT"
)
_PLATFORMS = (
    "Twitter|X|Facebook|Instagram|TikTok|Telegram|Truth Social|Bluesky|LinkedIn|WeChat|Weibo|Reddit"
    "|YouTube|Threads|Mastodon|Snapchat|VK|Medium|Substack|WhatsApp|social media|Facebook Live"
)
_PRESS = (
    "reporters|journalists|the press|the media|a reporter|local journalists|foreign correspondents"
    "|reporters outside the building|reporters in London|a group of reporters|the assembled media"
)
_AUDIENCES = (
    "the court|lawmakers|supporters|the committee|investors|MPs|parliament|analysts|the jury|staff"
    "|the inquiry|a conference in Geneva|colleagues|the crowd|police|the council|shareholders|fans"
    "|a Senate panel|students|the hearing|her followers|the meeting|members|relatives|detectives"
)
_GIVEN = "Ann|Grace|Laura|Nora|Ines|Priya|Mary|Jake|Paul|Deon|Milan|Carl|Hugo|Omar|Piers|Chuck|Ben"
_FAMILY = "Dean|Farrow|Lin|Desai|Marsh|Tapper|Orr|Quint|Raddatz|Holt|Okafor|Bell|Stone|Vine|Sato"

# <cue>, [intermediary], (addressee), {outlet that nothing came through}; of the capitals, one is
# filled in.
_ANYWHERE = (
    (6, "<told> [O]"),
    (3, "<told> [P]"),
    (1, "<told> [R]"),
    (2, "<told> (A)"),
    (6, "<was quoted by [O] as saying>"),
    (2, "<was quoted in [O] as saying>"),
)
_FREE = (  # where "that", a quote or the end of the sentence follows
    *_ANYWHERE,
    (3, "<was quoted as saying> by [O]"),
    (2, "<was quoted as saying> in [O]"),
    (6, "<said> in an interview with [O]"),
    (2, "<said> in an interview with [P]"),
    (2, "<said> in an interview published in [O]"),
    (2, "<said> in an interview on [S]"),
    (1, "<said> in remarks carried by [O]"),
    (4, "<said> on [S]"),
    (2, "<said>, speaking on [S]"),
    (2, "<said> in a post on [T]"),
    (3, "<wrote> on [T]"),
    (1, "<wrote> in an op-ed for [O]"),
    (1, "<said> to [R]"),
    (1, "<said> to [O]"),
    (1, "<said> in comments to [O]"),
    (1, "<said> in a statement to [O]"),
    (1, "<said> in an email to [O]"),
    (2, "<confirmed> to [O]"),
    (6, "<said> of {N}"),
)
_BEFORE = (  # before a speaker at the start of a sentence
    (3, "Speaking on [S], "),
    (3, "Speaking to [O], "),
    (3, "In an interview with [O], "),
    (1, "In an interview with [P], "),
    (2, "Appearing on [S], "),
    (4, "In a post on [T], "),
    (2, "Writing in [O], "),
    (2, "In an op-ed for [O], "),
    (1, "In an email to [O], "),
    (1, "In comments broadcast by [O], "),
    (1, "Asked by [O] about it, "),
    (1, "Asked by [R] about it, "),
    (3, "In a swipe at {N}, "),
    (2, "Two days after a story in {N}, "),
)
_BETWEEN = (  # between the speaker and the cue
    (2, ", speaking to [O],"),
    (2, ", speaking on [S],"),
    (1, ", in an interview with [O],"),
    (1, ", writing in [O],"),
)
_BEHIND = (  # behind what was said
    (6, " in an interview with [O]"),
    (2, " in an interview with [P]"),
    (3, " on [S]"),
    (2, " in a post on [T]"),
    (1, " in an interview published by [O]"),
    (2, " in a swipe at {N}"),
)
_BEHIND_SPEAKER = (  # behind the speaker of "said Smith"
    *_BEHIND,
    (2, ", speaking to [O]"),
    (2, ", speaking on [S]"),
)
# Cues that somebody speaks by, and can do so in an interview.
_SPOKEN = re.compile(
    r"(?:also |later |again |repeatedly )?(?:said|says|argued|argues|announced|insisted|claimed"
    r"|predicted|admitted|acknowledged|complained|warned|suggested|denied|dismissed|criticized"
    r"|called|described|accused|praised|defended|blasted|vowed|promised|declared|stressed|conceded"
    r"|explained|noted|revealed|confirmed|rejected|attacked|mocked|condemned|denounced|slammed"
    r"|reiterated|lamented|joked|recalled|repeated|blamed|hailed|hinted|mentioned|discussed)"
)
_KINDS = {"O": "outlet", "S": "outlet", "T": "platform", "P": "person", "R": "press"}
# Where a sentence begins, and words that have no capital elsewhere.
_BEGINS = re.compile(r"(?:^|\n|[.!?]”? )$")
_SMALL = re.compile(r"(?:The|An?|He|She|They|We|His|Her|Their|Our|One|Some|Two|Another|But)\b")
_MARKS = re.compile(r"[\]\[<>(){}]")
_ENDS = re.compile(r"[.,]?(?:\s*$|\s*\n)|\. |, “|[.,]? “")
_LONGEST = 120  # characters of a content that something is put behind


@dataclass(frozen=True, slots=True)
class _Edit:
    """``text`` in place of ``[start, end)`` of the article; ``cue``, ``intermediary`` and
    ``addressee`` are places in ``text``.  ``small`` takes its capital from what follows."""

    number: int  # of the attribution
    start: int
    end: int
    text: str
    kind: str | None
    cue: Span | None
    intermediary: Span | None
    addressee: Span | None
    small: bool = False


def reword(article: LabelledArticle, *, share: float, rng: random.Random) -> LabelledArticle:
    """``article`` with the share ``share`` of the statements that can be told anew told anew."""
    edits: list[_Edit] = []
    for number, attribution in enumerate(article.attributions):
        if rng.random() < share and (edit := _edit(article.text, number, attribution, rng)):
            edits.append(edit)
    return _edited(article, [edit for edit in edits if _stands_alone(edit, article, edits)])


def _edit(text: str, number: int, attribution: Attribution, rng: random.Random) -> _Edit | None:
    """A way to tell the attribution anew; None where none fits its sentence."""
    """Of several ways that fit, one by chance."""
    cue, source, content = attribution.cue, attribution.source, attribution.content
    relayed = attribution.intermediary or attribution.addressee
    if relayed or len(source) != 1 or not content or attribution.act not in (None, "statement"):
        return None
    speaker, said, after = source[0], cue.slice(text), text[cue.end : cue.end + 3]
    if _SPOKEN.fullmatch(said) and speaker.end + 1 == cue.start and rng.random() < 0.3:
        if _BEGINS.search(text, max(0, speaker.start - 3), speaker.start):
            small = bool(_SMALL.match(text, speaker.start))
            place = Span(speaker.start, speaker.start)
            return _filled(number, place, _drawn(_BEFORE, rng), rng, small=small)
        if text[speaker.end - 1].isalnum():
            place = Span(speaker.end, speaker.end)
            return _filled(number, place, _drawn(_BETWEEN, rng), rng)
    if said in ("said", "says") and speaker.end <= cue.start <= speaker.end + 1:
        if _ENDS.match(text, cue.end) or text.startswith(" that ", cue.end):
            template = _drawn(_FREE, rng)
        elif content[0].start == cue.end + 1 or after == ", “":
            template = _drawn(_ANYWHERE, rng)
        else:
            return None
        return _filled(number, cue, _inflected(template, said, speaker.slice(text)), rng)
    if said == "said" and speaker.start == cue.end + 1 and _ENDS.match(text, speaker.end):
        place = Span(speaker.end, speaker.end)
        return _filled(number, place, _drawn(_BEHIND_SPEAKER, rng), rng)
    if (
        _SPOKEN.fullmatch(said)
        and speaker.end <= cue.start < content[0].start == content[-1].start <= cue.end + 1
        and len(content[0]) <= _LONGEST
        and text[content[0].end - 1].isalpha()
        and text.startswith(".", content[0].end)
    ):
        place = Span(content[0].end, content[0].end)
        return _filled(number, place, _drawn(_BEHIND, rng), rng)
    return None


def _one(listed: str, rng: random.Random) -> str:
    return rng.choice(listed.split("|"))


def _drawn(templates: tuple[tuple[int, str], ...], rng: random.Random) -> str:
    return rng.choices([t for _, t in templates], [weight for weight, _ in templates])[0]


def _inflected(template: str, said: str, speaker: str) -> str:
    if said == "says":
        for past, present in (
            ("said", "says"),
            ("told", "tells"),
            ("wrote", "writes"),
            ("confirmed", "confirms"),
        ):
            template = template.replace(f"<{past}", f"<{present}")
    last = speaker.rpartition(" ")[2]
    plural = last.lower() in ("they", "we") or (last.endswith("s") and last.islower())
    if said == "says":
        return template.replace("<was", "<are" if plural else "<is")
    return template.replace("<was", "<were") if plural else template


def _filled(
    number: int, place: Span, template: str, rng: random.Random, *, small: bool = False
) -> _Edit:
    fills: dict[str, Callable[[], str]] = {
        "O": lambda: _outlet(rng),
        "S": lambda: _one(_SHOWS, rng),
        "T": lambda: _one(_PLATFORMS, rng),
        "P": lambda: rng.choice(("", "", "host ", "interviewer ")) + _person(rng),
        "R": lambda: _one(_PRESS, rng),
        "N": lambda: rng.choice((_one(_OUTLETS, rng), _one(_SHOWS, rng))),
        "A": lambda: _one(_AUDIENCES, rng),
    }
    kind = None
    if mark := re.search(r"[\[({]([A-Z])[\])}]", template):
        letter = mark[1]
        kind, name = _KINDS.get(letter), fills[letter]()
        template = template[: mark.start(1)] + name + template[mark.end(1) :]
    found = {mark: template.find(mark) for mark in "<>[]()"}
    at = {
        mark: len(_MARKS.sub("", template[:place])) for mark, place in found.items() if place >= 0
    }
    cue, relay, addressee = (Span(at[a], at[b]) if a in at else None for a, b in ("<>", "[]", "()"))
    text = _MARKS.sub("", template)
    return _Edit(number, place.start, place.end, text, kind, cue, relay, addressee, small)


def _outlet(rng: random.Random) -> str:
    """One of the list, one made up, or one with its journalist ("CNN’s Jake Tapper")."""
    if rng.random() < 0.5:
        name = _one(_OUTLETS, rng)
    elif rng.random() < 0.7:
        article = rng.choice(("the ", "The "))
        name = f"{article}{_one(_PLACES, rng)} {_one(_PAPERS, rng)}"
    else:
        place = _one(_PLACES, rng)
        name = rng.choice((f"Radio {place}", f"{place} TV", f"BBC {place}", f"the {place} Daily"))
    if rng.random() < 0.12 and name[0].isupper():
        return f"{name}’s {_person(rng)}"
    return name


def _person(rng: random.Random) -> str:
    return f"{_one(_GIVEN, rng)} {_one(_FAMILY, rng)}"


def _stands_alone(edit: _Edit, article: LabelledArticle, edits: list[_Edit]) -> bool:
    """Whether no other label ends inside of what ``edit`` replaces, nor another edit touches it."""
    for number, attribution in enumerate(article.attributions):
        for span in _spans(attribution):
            own = number == edit.number and span == attribution.cue
            if not own and any(edit.start < at < edit.end for at in (span.start, span.end)):
                return False
            other = number != edit.number and span == attribution.cue and edit.start < edit.end
            if other and span.overlaps(Span(edit.start, edit.end)):
                return False
    return all(other is edit or other.end < edit.start or edit.end < other.start for other in edits)


def _spans(attribution: Attribution) -> Iterator[Span]:
    yield attribution.cue
    yield from attribution.source
    yield from attribution.content
    for span in (attribution.intermediary, attribution.addressee):
        if span is not None:
            yield span


def _edited(article: LabelledArticle, edits: list[_Edit]) -> LabelledArticle:
    if not edits:
        return article
    edits = sorted(edits, key=lambda edit: edit.start)
    text, at, ends, grown = "", 0, [], [0]
    for edit in edits:
        text += article.text[at : edit.start] + edit.text
        at = edit.end
        if edit.small:
            text += article.text[at].lower()
            at += 1
        ends.append(edit.end)
        grown.append(grown[-1] + len(edit.text) - (edit.end - edit.start))
    text += article.text[at:]
    insertions = {edit.start: len(edit.text) for edit in edits if edit.start == edit.end}

    def start(place: int) -> int:
        return place + grown[bisect_right(ends, place)]

    def moved(span: Span) -> Span:
        # What is put in at the end of a span is not part of it.
        return Span(start(span.start), start(span.end) - insertions.get(span.end, 0))

    changed = [_moved(attribution, moved) for attribution in article.attributions]
    for edit in edits:
        offset = start(edit.end) - len(edit.text)
        old = changed[edit.number]
        changed[edit.number] = replace(
            old,
            cue=_at(edit.cue, offset) or old.cue,
            intermediary=_at(edit.intermediary, offset),
            intermediary_kind=edit.kind,
            addressee=_at(edit.addressee, offset),
            relays_known=True,
            certain=True,
        )
    return replace(article, text=text, attributions=tuple(changed))


def _at(span: Span | None, offset: int) -> Span | None:
    return Span(span.start + offset, span.end + offset) if span else None


def _moved(attribution: Attribution, moved: Callable[[Span], Span]) -> Attribution:
    relay, addressee = attribution.intermediary, attribution.addressee
    return replace(
        attribution,
        cue=moved(attribution.cue),
        source=tuple(map(moved, attribution.source)),
        content=tuple(map(moved, attribution.content)),
        intermediary=moved(relay) if relay else None,
        addressee=moved(addressee) if addressee else None,
    )
