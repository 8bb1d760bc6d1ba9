"""The ways of tests/data/ways.txt to name who relays a statement."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from quotewire.extraction.extractor import Extractor
from quotewire.types import Article, Extraction

WAYS = Path(__file__).parent / "data" / "ways.txt"
_MARKS = re.compile(r"[\[\]{}]")


@dataclass(frozen=True, slots=True)
class Way:
    """A statement in a text of its own, and whom it names as they stand there."""

    text: str
    speaker: str
    intermediary: str

    def found_in(self, extraction: Extraction) -> bool:
        """Whether a statement has this speaker, or one with this as a part, and one has exactly
        this intermediary."""
        statements = extraction.statements
        speakers = [s.speaker.mention for s in statements if s.speaker and s.speaker.mention]
        relays = [one.mention.slice(self.text) for s in statements for one in s.intermediaries]
        return any(self.speaker in mention.slice(self.text) for mention in speakers) and any(
            relay.strip(" ,.") == self.intermediary for relay in relays
        )


def ways() -> Iterator[Way]:
    for line in WAYS.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            speaker, relay = re.search(r"{(.*?)}", line), re.search(r"\[(.*?)\]", line)
            assert speaker and relay, line
            yield Way(_MARKS.sub("", line), speaker[1], relay[1])


def missed_by(extractor: Extractor) -> list[Way]:
    everything = list(ways())
    articles = (Article(str(n), way.text) for n, way in enumerate(everything))
    answers = extractor.extract_many(articles)
    return [
        way for way, answer in zip(everything, answers, strict=True) if not way.found_in(answer)
    ]
