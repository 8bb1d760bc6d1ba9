"""Names of speakers and intermediaries: which name of the article a mention stands for.

Rules find what a mention may stand for (names, earlier descriptions, the mention itself, nobody)
and describe each choice by features; a small learned ranker chooses.  Every name returned is text
of the article or its title; joint speakers are joined with "and".  docs/resolver.md explains the
method and gives its figures.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from quotewire.extraction.lexicon import DATA, lexicon
from quotewire.extraction.mentions_page import Page
from quotewire.extraction.names_kinds import (
    HE,
    LONG_NAME,
    ME,
    NOTHING,
    PRONOUN_KINDS,
    SHE,
    SHORT_NAME,
)
from quotewire.extraction.names_phrase import Phrase, read_phrase
from quotewire.extraction.resolve_candidates import DESCRIPTIONS, HISTORY
from quotewire.extraction.resolve_context import Answer, Query, Timeline
from quotewire.extraction.resolve_features import candidates
from quotewire.extraction.resolve_ranker import Ranker
from quotewire.extraction.resolve_reading import Reading, match_key, read
from quotewire.extraction.resolve_relays import intermediary_name
from quotewire.extraction.resolve_search import Candidate
from quotewire.extraction.resolve_types import TypeModel, type_features
from quotewire.extraction.resolve_weights import load_weights
from quotewire.types import Article, IntermediaryKind, Span, SpeakerType

WEIGHTS = "resolver.json"
_SURE_TYPE = 0.75  # share from which on the resolver's own view of the type counts

# Asked for each query: its candidates in, the chosen one out.
Choose = Callable[[Query, "list[Candidate]"], Answer]


@dataclass(frozen=True, slots=True)
class Attribution:
    """What the resolver needs to know of one extracted statement; spans in code points of
    ``article.text``."""

    source: Span | None  # mention of the speaker in that sentence, or None
    cue: Span
    content: tuple[Span, ...]
    speaker_type: SpeakerType | None  # the model's guess, may be None or wrong
    intermediary: Span | None
    intermediary_kind: IntermediaryKind | None


@dataclass(frozen=True, slots=True)
class Names:
    """``speaker`` None: nobody can be named, or the article's own author speaks."""

    speaker: str | None
    speaker_type: SpeakerType | None
    intermediary: str | None


class Resolver:
    """Resolves the mentions of one article at a time; safe to share between threads."""

    def __init__(self, ranker: Ranker, types: TypeModel | None = None) -> None:
        self._ranker = ranker
        self._types = types

    @classmethod
    def load(cls, folder: Path | None = None) -> Resolver:
        """The weights of a model folder (``resolver.json``) if it has any, else the package's own.

        Raises ModelFolderError when the file is broken.
        """
        path = DATA / WEIGHTS
        if folder is not None and (folder / WEIGHTS).is_file():
            path = folder / WEIGHTS
        return cls(*load_weights(path))

    def resolve(self, article: Article, attributions: Sequence[Attribution]) -> list[Names]:
        """One answer for each attribution, in their order.  Never raises for any text."""
        if not attributions:
            return []
        reading = read(article)
        answers = resolve_all(reading, attributions, self.choose)
        shift = reading.page.offset
        as_speaker = {
            Span(a.source.start + shift, a.source.end + shift): answer.text
            for a, answer in zip(attributions, answers, strict=True)
            if a.source is not None
        }
        out: list[Names] = []
        for attribution, answer in zip(attributions, answers, strict=True):
            via, kind = attribution.intermediary, attribution.intermediary_kind
            relay = None
            if via is not None and kind is not None:
                place = Span(via.start + shift, via.end + shift)
                relay = intermediary_name(reading, place, kind, as_speaker)
            out.append(Names(answer.text, self._type(reading, attribution, answer), relay))
        return out

    def choose(self, query: Query, found: list[Candidate]) -> Answer:
        """The candidate that the ranker likes best."""
        scores = self._ranker.scores([c.features for c in found], shared=found[0].shared)
        best = found[int(scores.argmax())]
        return Answer(query, best.text, best.key, best.entity)

    def _type(
        self, reading: Reading, attribution: Attribution, answer: Answer
    ) -> SpeakerType | None:
        """The resolver's own view where it is sure, else the model's guess."""
        if attribution.source is None and answer.text is None:
            return None
        if self._types is None:
            return attribution.speaker_type
        shares = self._types.probabilities(type_features(reading, answer))
        best = max(shares, key=lambda t: shares[t])
        if attribution.speaker_type is None or shares[best] >= _SURE_TYPE:
            return best
        return attribution.speaker_type


def resolve_all(
    reading: Reading, attributions: Sequence[Attribution], choose: Choose
) -> list[Answer]:
    """Answers all attributions: first the outer ones in text order, then those inside contents."""
    queries = _queries(reading, attributions)
    answers: dict[int, Answer] = {}
    history: list[Answer] = []
    pronouns: list[tuple[int, int]] = []
    echoes: dict[str, Answer] = {}  # the last answer by the head of its description
    sources = frozenset(q.word for q in queries)
    for inner in (False, True):
        timeline = Timeline(reading, pronouns=sorted(pronouns), sources=sources)
        for query in queries:
            if (query.enclosing is not None) != inner:
                continue
            timeline.advance(query.word)
            before = bisect_left(history, query.word, key=_word)
            past = history[max(0, before - HISTORY) : before]
            enclosing = answers.get(query.enclosing) if query.enclosing is not None else None
            head = _head(reading, query)
            echo = echoes.get(head)
            answer = _answer(reading, timeline, query, past, enclosing, echo, choose)
            if head and answer.text is not None:
                echoes[head] = answer
            answers[query.number] = answer
            insort(history, answer, key=_word)
            if answer.entity >= 0 and query.phrase.kind in PRONOUN_KINDS:
                pronouns.append((query.word, answer.entity))
                timeline.mention(answer.entity, query.word, query.word + 1, pronoun=True)
    return [answers[n] for n in range(len(attributions))]


def _head(reading: Reading, query: Query) -> str:
    """The head of a description, folded; "" for names and pronouns."""
    if query.phrase.kind not in DESCRIPTIONS or query.phrase.parts:
        return ""
    return reading.page.words[query.phrase.head].low


def _word(answer: Answer) -> int:
    return answer.query.word


def _answer(
    reading: Reading,
    timeline: Timeline,
    query: Query,
    past: Sequence[Answer],
    enclosing: Answer | None,
    echo: Answer | None,
    choose: Choose,
) -> Answer:
    if query.phrase.kind == ME and query.quoted and enclosing is not None and enclosing.text:
        # Inside a quotation "I" is whoever is quoted: nothing is left to weigh.
        return replace(enclosing, query=query)
    if not query.phrase.parts:
        found = candidates(reading, timeline, query, history=past, enclosing=enclosing, echo=echo)
        return choose(query, found)
    texts: list[str] = []
    for first, last in query.phrase.parts:
        phrase = read_phrase(reading.page, reading.index, first, last)
        words = reading.page.slice(phrase.first, phrase.last)
        part = replace(query, phrase=replace(phrase, parts=[]), source=words)
        found = candidates(reading, timeline, part, history=past, enclosing=enclosing)
        named = phrase.kind in (SHORT_NAME, LONG_NAME, HE, SHE)
        if named or any("apposed" in c.features for c in found):
            # A part that is a name stays one: nothing of the rest of the phrase is meant.
            own = [c for c in found if "head_name" in c.features] if phrase.name else []
            text = choose(part, own or found).text
        else:
            text = reading.page.slice(phrase.first, phrase.last)
        if text and text not in texts:
            texts.append(text)
    if not texts:
        return Answer(query, None, "")
    joined = texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + " and " + texts[-1]
    return Answer(query, joined, match_key(joined))


def _queries(reading: Reading, attributions: Sequence[Attribution]) -> list[Query]:
    """The attributions in text order as queries over words."""
    page = reading.page
    shift = page.offset
    enclosing = _enclosing(attributions)
    out: list[Query] = []
    for number, held in enumerate(attributions):
        cue = page.inside(held.cue.start + shift, held.cue.end + shift)
        if held.source is None:
            phrase = Phrase(cue[0], cue[0], NOTHING)
        else:
            span = page.inside(held.source.start + shift, held.source.end + shift)
            if _is_cue(page, span):
                span = cue
            phrase = read_phrase(page, reading.index, *span)
        word = phrase.first if phrase.kind != NOTHING else cue[0]
        out.append(
            Query(
                number=number,
                phrase=phrase,
                word=word,
                cue=cue,
                content=[page.inside(c.start + shift, c.end + shift) for c in held.content],
                enclosing=enclosing[number],
                intermediary=page.inside(
                    held.intermediary.start + shift, held.intermediary.end + shift
                )
                if held.intermediary is not None
                else None,
                quoted=word < len(page.words) and page.words[word].quoted,
                source=""
                if held.source is None
                else page.text[held.source.start + shift : held.source.end + shift],
            )
        )
    out.sort(key=lambda q: (q.word, q.number))
    return out


def _is_cue(page: Page, span: tuple[int, int]) -> bool:
    """Whether a span marked as the source is a cue ("said", "According to"): source and cue were
    then marked the wrong way round."""
    words = page.words[span[0] : span[1]]
    if not words:
        return False
    return words[0].low in lexicon()["speaking_surely"] or (
        len(words) == 2 and words[0].low == "according"
    )


def _enclosing(attributions: Sequence[Attribution]) -> list[int | None]:
    """For each attribution the innermost other one in whose content its cue stands."""
    pieces = sorted(
        ((c.start, -c.end, n) for n, a in enumerate(attributions) for c in a.content),
    )
    asks = sorted((a.cue.start, a.cue.end, n) for n, a in enumerate(attributions))
    out: list[int | None] = [None] * len(attributions)
    stack: list[tuple[int, int]] = []  # (end, number), the innermost last
    i = 0
    for start, end, number in asks:
        while i < len(pieces) and pieces[i][0] <= start:
            stack.append((-pieces[i][1], pieces[i][2]))
            i += 1
        while stack and stack[-1][0] <= start:
            stack.pop()
        for stop, holder in reversed(stack[-8:]):
            if holder != number and stop >= end:
                out[number] = holder
                break
    return _without_circles(out)


def _without_circles(out: list[int | None]) -> list[int | None]:
    """Two statements that stand in each other's content are both taken as outer ones."""
    for n, holder in enumerate(out):
        if holder is not None and out[holder] == n:
            out[n] = out[holder] = None
    return out
