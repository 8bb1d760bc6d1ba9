"""Articles for the resolver's tests, with their attributions marked in them.

``[[…]]`` marks a source, ``<<…>>`` the cue that closes an attribution and ``((…))`` an
intermediary; the content of an attribution is ``{{…}}``.  A statement's marks stand in any order
between two "|"-s, which are taken out too.
"""

from __future__ import annotations

import re

from quotewire.extraction.resolve import Attribution, Names, Resolver
from quotewire.types import Article, IntermediaryKind, Span

_MARK = re.compile(r"\[\[|\]\]|<<|>>|\(\(|\)\)|\{\{|\}\}|\|")
_PAIRS = {"[[": "source", "<<": "cue", "((": "via", "{{": "content"}


def marked(text: str, kind: IntermediaryKind | None = None) -> tuple[str, list[Attribution]]:
    """The plain text and its attributions."""
    plain: list[str] = []
    length = 0
    open_at: dict[str, int] = {}
    held: dict[str, list[Span]] = {}
    out: list[Attribution] = []
    last = 0

    def close() -> None:
        if "cue" in held:
            via = held.get("via", [None])[0]
            out.append(
                Attribution(
                    source=held.get("source", [None])[0],
                    cue=held["cue"][0],
                    content=tuple(held.get("content", [])),
                    speaker_type=None,
                    intermediary=via,
                    intermediary_kind=kind if via else None,
                )
            )
        held.clear()

    for match in _MARK.finditer(text):
        piece = text[last : match.start()]
        plain.append(piece)
        length += len(piece)
        last = match.end()
        mark = match.group()
        if mark in _PAIRS:
            open_at[mark] = length
        elif mark == "|":
            close()
        else:
            begin = {"]]": "[[", ">>": "<<", "))": "((", "}}": "{{"}[mark]
            held.setdefault(_PAIRS[begin], []).append(Span(open_at[begin], length))
    plain.append(text[last:])
    close()
    return "".join(plain), out


def answers(resolver: Resolver, text: str, **article: str) -> list[Names]:
    """What the resolver says of each marked attribution."""
    plain, attributions = marked(text)
    return resolver.resolve(Article(id="a", text=plain, **article), attributions)


def speakers(resolver: Resolver, text: str, **article: str) -> list[str | None]:
    """The speaker's name of each marked attribution."""
    return [names.speaker for names in answers(resolver, text, **article)]
