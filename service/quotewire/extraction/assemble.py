"""From decoded candidates to statements: spans, kinds, ids, nesting, names."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence, Set
from dataclasses import replace
from operator import attrgetter

from quotewire.extraction.continued import extend_over_paragraphs
from quotewire.extraction.decode import Candidate, confidence
from quotewire.extraction.relays import (
    beside,
    kind_of,
    kind_of_speaker,
    outlet_of_work,
    quoted_by,
    told_beside,
)
from quotewire.extraction.resolve import Attribution, Names, Resolver
from quotewire.extraction.tokens import Tokens
from quotewire.types import (
    Act,
    Article,
    ExtractOptions,
    Intermediary,
    IntermediaryKind,
    Quote,
    QuoteKind,
    Span,
    Speaker,
    SpeakerType,
    Statement,
)

# Confidence is calibrated to about two decimals; more digits would only differ between batches.
CONFIDENCE_DIGITS = 4


def assemble(
    article: Article,
    tokens: Tokens,
    candidates: Sequence[Candidate],
    *,
    resolver: Resolver,
    calibration: Sequence[float],
    options: ExtractOptions,
) -> tuple[Statement, ...]:
    """The statements of an article in the order of their cues."""
    ordered = sorted(extend_over_paragraphs(article.text, tokens, candidates), key=lambda c: c.cue)
    relays = [_relays(article.text, tokens, candidate) for candidate in ordered]
    attributions = [
        _attribution(tokens, candidate, via) for candidate, via in zip(ordered, relays, strict=True)
    ]
    names = resolver.resolve(article, attributions)
    floor = options.min_confidence or 0.0
    statements = []
    inner: set[str] = set()  # what the network says is reported by another statement
    for candidate, attribution, resolved, via in zip(
        ordered, attributions, names, relays, strict=True
    ):
        statement = _statement(article, tokens, candidate, attribution, resolved, via, calibration)
        if statement.confidence >= floor and (options.all_acts or statement.act is Act.STATEMENT):
            statements.append(statement)
            if candidate.nested:
                inner.add(statement.id)
    return _nest(statements, inner=inner, text=article.text)


def _relays(text: str, tokens: Tokens, candidate: Candidate) -> list[tuple[Span, IntermediaryKind]]:
    """The intermediaries that the network found beside the statement, kinds settled by their words;
    without any, one that the words show: who quotes ("quoted by Xinhua as saying"), where
    it was said ("Speaking on BBC Radio 4, …"), whose work the source is ("a report by CNN")."""
    guess = IntermediaryKind(candidate.intermediary_kind)
    source = [tokens.span(*candidate.source)] if candidate.source else []
    whole = [*source, *(tokens.span(*run) for run in (candidate.cue, *candidate.content))]
    found = (tokens.span(*run) for run in candidate.intermediaries)
    spans = [span for span in found if beside(text, span, whole)]
    cue, speaker = tokens.span(*candidate.cue), next(iter(source), None)
    if not spans and (told := quoted_by(text, cue) or told_beside(text, cue, speaker)):
        return [(told, kind_of(told.slice(text), IntermediaryKind.OUTLET))]
    if not spans and source:
        work = outlet_of_work(text, *source)
        return [(work, IntermediaryKind.OUTLET)] if work else []
    return [(span, kind_of(span.slice(text), guess)) for span in spans]


def _attribution(
    tokens: Tokens, candidate: Candidate, via: Sequence[tuple[Span, IntermediaryKind]]
) -> Attribution:
    return Attribution(
        source=tokens.span(*candidate.source) if candidate.source else None,
        cue=tokens.span(*candidate.cue),
        content=tuple(tokens.span(*run) for run in candidate.content),
        speaker_type=SpeakerType(candidate.speaker_type),
        intermediary=via[0][0] if via else None,
        intermediary_kind=via[0][1] if via else None,
    )


def _statement(
    article: Article,
    tokens: Tokens,
    candidate: Candidate,
    attribution: Attribution,
    names: Names,
    via: Sequence[tuple[Span, IntermediaryKind]],
    calibration: Sequence[float],
) -> Statement:
    addressee = tokens.span(*candidate.addressee) if candidate.addressee else None
    if addressee and any(span.overlaps(addressee) for span, _ in via):
        addressee = None  # an addressee is to whom, when that is no intermediary
    speaker = None
    if attribution.source is not None or names.speaker is not None:
        speaker = Speaker(attribution.source, names.speaker, names.speaker_type)
    return Statement(
        id=statement_id(article, attribution.cue, attribution.content),
        act=Act(candidate.act),
        confidence=round(confidence(candidate, calibration), CONFIDENCE_DIGITS),
        quote=quote_of(article.text, tokens, attribution.content),
        cue=attribution.cue,
        speaker=speaker,
        intermediaries=tuple(
            # The resolver names the first; a second one is rare and keeps its own words only.
            Intermediary(span, names.intermediary if number == 0 else None, kind)
            for number, (span, kind) in enumerate(via)
        ),
        addressee=addressee,
    )


def statement_id(article: Article, cue: Span, content: Sequence[Span]) -> str:
    """16 hexadecimal digits that depend on the article's id, the cue and the quote alone."""
    places = ";".join(f"{s.start}-{s.end}" for s in (cue, *content))
    key = f"{article.id}\x00{cue.slice(article.text)}\x00{places}".encode(errors="surrogatepass")
    return hashlib.blake2b(key, digest_size=8).hexdigest()


def quote_of(text: str, tokens: Tokens, content: Sequence[Span]) -> Quote:
    """The quote, with its parts inside quotation marks.

    It is direct if every word of it is inside, indirect if none is, mixed otherwise.
    """
    verbatim = []
    inside = total = 0
    for span in content:
        total += _letters(text, span)
        # Regions are ascending and disjoint: only those that reach into the span are looked at.
        first = bisect_right(tokens.quoted, span.start, key=attrgetter("end"))
        stop = bisect_left(tokens.quoted, span.end, key=attrgetter("start"))
        for region in tokens.quoted[first:stop]:
            part = Span(max(region.start, span.start), min(region.end, span.end))
            if part.start < part.end and (letters := _letters(text, part)):
                verbatim.append(part)
                inside += letters
    kind = QuoteKind.MIXED
    if not inside:
        kind = QuoteKind.INDIRECT
    elif inside == total:
        kind = QuoteKind.DIRECT
    return Quote(spans=tuple(content), kind=kind, verbatim=tuple(verbatim))


def _letters(text: str, span: Span) -> int:
    return sum(map(str.isalnum, span.slice(text)))


def _nest(statements: Sequence[Statement], *, inner: Set[str], text: str) -> tuple[Statement, ...]:
    """Sets ``reported_in``: the smallest larger quote that a statement's cue stands in.  Through
    its speaker came those of the ``inner`` statements (ids) that name nobody else; others stand
    there because somebody's quote was taken too far.

    Size is in code points and must strictly grow, so no two statements can report each other.
    """
    sizes = [sum(len(span) for span in s.quote.spans) for s in statements]
    # Quotes as intervals in reading order, so that only those near a cue are looked at.
    intervals = sorted(
        (span.start, span.end, n) for n, s in enumerate(statements) for span in s.quote.spans
    )
    result = []
    active: list[tuple[int, int, int]] = []
    upcoming = 0
    for n, statement in sorted(enumerate(statements), key=lambda pair: pair[1].cue):
        cue = statement.cue
        while upcoming < len(intervals) and intervals[upcoming][0] <= cue.start:
            active.append(intervals[upcoming])
            upcoming += 1
        active = [interval for interval in active if interval[1] > cue.start]
        around = [m for _, end, m in active if m != n and cue.end <= end and sizes[m] > sizes[n]]
        outer = min(around, key=lambda m: (sizes[m], m), default=None)
        if outer is not None:
            around_it = statements[outer]
            statement = replace(
                statement,
                reported_in=around_it.id,
                intermediaries=statement.intermediaries
                or (_relayed_by(around_it, statement, text) if statement.id in inner else ()),
            )
        result.append(statement)
    return tuple(result)


def _relayed_by(outer: Statement, inner: Statement, text: str) -> tuple[Intermediary, ...]:
    """The outlet or document that is the speaker of ``outer``, through which the words of ``inner``
    reached the page.  Nobody where that is a person (whom ``reported_in`` tells), where the page
    names none, where it is the same speaker, and where the outer one says nothing."""
    speaker = outer.speaker
    if outer.act is not Act.STATEMENT or speaker is None or speaker.mention is None:
        return ()
    kind = kind_of_speaker(speaker, text=text)
    own = inner.speaker is not None and inner.speaker.name == speaker.name is not None
    if own or kind is IntermediaryKind.PERSON:
        return ()
    return (Intermediary(speaker.mention, speaker.name, kind),)
