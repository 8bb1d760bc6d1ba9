"""What a mention itself says of an intermediary's kind, where its words leave no doubt.

The lists were written for this project; they correct the network where it has seen too few
examples (platforms, mostly) and leave it alone everywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from quotewire.types import IntermediaryKind, Span, Speaker, SpeakerType

_PLATFORM = re.compile(
    r"\b(twitter|facebook|instagram|youtube|snapchat|reddit|tumblr|linkedin|whatsapp|telegram"
    r"|tiktok|truth social|weibo|wechat|periscope|bluesky|mastodon|social media|website|blog)\b",
    re.IGNORECASE,
)
_PRESS = re.compile(
    r"(?:the |a |an |some |other |several |local |foreign )*"
    r"(?:reporters?|journalists?|press|media|newsmen|newspapers|correspondents?|interviews?"
    r"|interviewers?|news conference)",
    re.IGNORECASE,
)
# Who asks on air and is named by that alone: a person, as long as no outlet is named with them.
_HOST = re.compile(
    r"(?:the |a |an |his |her |their |its )?(?:co-?)?(?:host|anchor|moderator)s?", re.I
)
# Words that only the names of news organisations and programmes carry; case matters.
_OUTLET = re.compile(
    r"\b(?:Times|Post|News|CNN|BBC|NBC|ABC|CBS|MSNBC|CNBC|NPR|PBS|ITV|ITN|C-SPAN|AP|AFP|UPI|Reuters"
    r"|Bloomberg|Associated Press|Agence France-Presse|Xinhua|Kyodo|TASS|Interfax|Al Jazeera"
    r"|Guardian|Journal|Tribune|Herald|Gazette|Chronicle|Telegraph|Economist|Politico|POLITICO"
    r"|Breitbart|HuffPost|Huffington|Axios|Newsweek|Spiegel|Le Monde|El País|Examiner|Inquirer"
    r"|Observer|Dispatch|Sentinel|Courier|Daily|Weekly|Magazine|Radio|Television|TV|USA TODAY"
    r"|USA Today|Podcast)\b"
    r"|\b(?:radio|television|TV|talk|news)"
    r" (?:program(?:me)?|show|series|station|network|channel)s?\b"
    r"|\b(?:[Nn]ews|[Pp]ress) [Aa]gency\b|\b(?:newspaper|broadcaster|tabloid|news site)\b"
)
# What relays words on paper, unless an outlet is named with it.
_DOCUMENT = re.compile(
    r"(?:the |a |an |his |her |their |its |court |police |official |internal |leaked |copy of )*"
    r"(?:transcripts?|filings?|documents?|memos?|e-?mails?|affidavits?|indictments?|memoirs?"
    r"|records?|lawsuits?|complaints?)\b",
    re.IGNORECASE,
)
# "a report by CNN", "a story in The Guardian": a work and the outlet that published it.
_WORK = re.compile(
    r"\b(?:report|story|article|account|dispatch|column|interview|broadcast|profile)s?\b"
    r"[^,;]{0,40}\b(?:by|from|in|on|for)\s+(?P<outlet>[^,;()]+)"
)
# A name, all of whose words but "the" and "of" are capitalised.
_NAME = r"(?:[Tt]he )?[A-Z][\w&’'-]*(?: (?:of )?[A-Z][\w&’'-]*)*"
# "was quoted by Xinhua as saying", and "was quoted as saying by Die Welt".
_QUOTED_BY = re.compile(r"\bquoted (?:by|in) (?P<by>[^,;:“\"\n]{2,60}?) as (?:saying|telling)\b")
_SAYING_BY = re.compile(rf"\bquoted as saying (?:by|in) (?P<by>{_NAME})")
# Before a speaker, between speaker and cue, and behind either: "Speaking on BBC Radio 4, she said".
_RELAY = r"(?P<relay>[^,;:.“”\"\n]{2,60})"
_WORKS = "interview|op-ed|article|column|post|video|email"
_IN = rf"in (?:an? (?:[\w-]+ ){{0,2}}(?:{_WORKS}) (?:with|for|in|on|to)|comments to)"
_ON = r"(?:speaking|appearing|talking|writing) (?:on|to|in|with)"
_FIRST = re.compile(rf"(?:^|[.!?][”\"’)]* |\n)(?i:{_ON}|{_IN}) {_RELAY}, $")
_AMID = re.compile(rf", (?:{_ON}|{_IN}) {_RELAY},? ")
_LAST = re.compile(rf",? (?:{_ON}|{_IN}) {_RELAY}(?=[.,\n]|$)")
# "told Reuters the vote was off": a name right behind a cue that is told to somebody.
_TELLS = re.compile(r"\b(?:tell|tells|told|telling)$")
_TOLD = re.compile(rf" (?P<relay>{_NAME})")
_REACH = 120  # characters from a cue or speaker within which such a phrase stands
# What a phrase must show its words to be before they count without the network's vote.
_SHOWN = (IntermediaryKind.OUTLET, IntermediaryKind.PLATFORM, IntermediaryKind.PRESS)
# Where a paragraph ends: a line ends, and with it a sentence (there are texts in short lines).
_PARAGRAPH_END = re.compile(r"[.!?…][”’\"'»)\]]*[ \t\r]*\n")


def beside(text: str, mention: Span, statement: Sequence[Span]) -> bool:
    """Whether ``mention`` stands in a paragraph that ``statement``, by its spans, has part in.

    An intermediary is told with the words that came through it: "a later sentence does not inherit
    it" (shared/annotation/GUIDELINES.md).  What the network finds further away is another
    statement's.  Measured on dev: of the 98 intermediaries of statements that are not nested, 95
    stand in the same sentence; of the 8 found in other paragraphs, nested or not, none is right.
    """
    start = min(span.start for span in statement)
    end = max(span.end for span in statement)
    first, then = (mention.end, start) if mention.end <= start else (end, mention.start)
    # The full stop, and the marks behind it, may be inside the span that ends there.
    return first >= then or _PARAGRAPH_END.search(text, max(0, first - 3), then) is None


def kind_of(mention: str, guess: IntermediaryKind) -> IntermediaryKind:
    """``guess``, unless the words of ``mention`` settle its kind."""
    words = mention.strip(" \t\n“”\"'‘’.,")
    if _PRESS.fullmatch(words):
        return IntermediaryKind.PRESS
    if _HOST.fullmatch(words):
        return IntermediaryKind.PERSON
    if _OUTLET.search(words):
        return IntermediaryKind.OUTLET
    if _PLATFORM.search(words):
        return IntermediaryKind.PLATFORM
    if _DOCUMENT.match(words):
        return IntermediaryKind.DOCUMENT
    return guess


def kind_of_speaker(speaker: Speaker, *, text: str) -> IntermediaryKind:
    """What a speaker with a mention in ``text`` is to the words of others that it reports
    (shared/annotation/GUIDELINES.md): people, and organisations that are no outlets, are of kind
    ``person``."""
    if speaker.type is SpeakerType.DOCUMENT:
        return IntermediaryKind.DOCUMENT
    if speaker.type is SpeakerType.PERSON or speaker.mention is None:
        return IntermediaryKind.PERSON
    kind = kind_of(speaker.mention.slice(text), IntermediaryKind.PERSON)
    return kind_of(speaker.name, kind) if speaker.name else kind


def quoted_by(text: str, cue: Span) -> Span | None:
    """Who quotes the speaker by the words of the cue or right behind them; None if nobody does."""
    # No further: to the end of the paragraph it would be quadratic in the length of a long one.
    far = cue.end + _REACH
    end = text.find("\n", cue.end, far)
    for pattern in (_QUOTED_BY, _SAYING_BY):
        match = pattern.search(text, cue.start, end if end >= 0 else far)
        if match is not None and match.start() < cue.end:
            return Span(*match.span("by"))
    return None


def told_beside(text: str, cue: Span, source: Span | None) -> Span | None:
    """The outlet, platform or press that its words show to be one: told right behind the cue ("told
    Reuters"), or in a phrase that stands right before the speaker, between speaker and cue, or
    behind both ("Speaking on BBC Radio 4, …")."""
    first, last = (min(cue, source), max(cue, source)) if source else (cue, cue)
    for match in (
        _FIRST.search(text, max(0, first.start - _REACH), first.start),
        _AMID.fullmatch(text, first.end, last.start) if source else None,
        _LAST.match(text, last.end),
        _TOLD.match(text, cue.end) if _TELLS.search(cue.slice(text)) else None,
    ):
        if match is not None:
            span = Span(*match.span("relay"))
            if kind_of(span.slice(text), IntermediaryKind.PERSON) in _SHOWN:
                return span
    return None


def outlet_of_work(text: str, source: Span) -> Span | None:
    """The outlet inside a source that is a work of it: "CNN" of "a report by CNN".

    None where the source is no such work, or who made it is not known to be an outlet.
    """
    match = _WORK.search(text, source.start, source.end)
    if match is None:
        return None
    start, end = match.span("outlet")
    found = text[start:end]
    span = Span(start, start + len(found.rstrip(' .”"')))
    return span if _OUTLET.search(span.slice(text)) else None
