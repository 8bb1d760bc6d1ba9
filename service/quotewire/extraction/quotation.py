"""Where the quotation marks of a text open and close.

A tolerant scanner for the marks as newsrooms really set them: curly, straight, guillemets, British
single quotes, apostrophes between them, mangled or missing closing marks, quotations that go on
over paragraphs (each paragraph reopens, only the last one closes).  It never raises; what cannot
be paired is left out.
"""

from __future__ import annotations

import re

from quotewire.types import Span

_PARAGRAPH_BREAK = re.compile(r"\n[^\S\n]*\n\s*")
_LINE_BREAK = re.compile(r"\n\s*")
_MARK = re.compile("[\"“”„‟«»‘’'‚‛]")

_OPENS = frozenset("“„«")
_CLOSES = frozenset("”»")
_SINGLES = frozenset("‘’'‚‛")
_OPENING_CONTEXT = frozenset(' \t\n\r\u00a0([{—–-/:“"‘…')


def paragraphs(text: str) -> list[Span]:
    """The paragraphs of ``text``, ascending, without the breaks between them.

    Blank lines separate paragraphs; a text without blank lines is taken to have one paragraph a
    line (plain-text exports), a text with them may wrap its lines.
    """
    breaks = _PARAGRAPH_BREAK if _PARAGRAPH_BREAK.search(text.strip()) else _LINE_BREAK
    spans, start = [], 0
    for match in breaks.finditer(text):
        if match.start() > start:
            spans.append(Span(start, match.start()))
        start = match.end()
    if start < len(text):
        spans.append(Span(start, len(text)))
    return spans


def quoted_regions(text: str, blocks: list[Span] | None = None) -> list[Span]:
    """The parts of ``text`` inside quotation marks, marks included, ascending and disjoint.

    ``blocks`` are the paragraphs, if already known.  A double quotation that is not closed in its
    paragraph runs to the paragraph's end when the next paragraph opens with a mark again or the
    opening mark was unmistakable; single ones must close in their paragraph.
    """
    blocks = paragraphs(text) if blocks is None else blocks
    regions: list[Span] = []
    for index, block in enumerate(blocks):
        following = blocks[index + 1].start if index + 1 < len(blocks) else None
        reopened = following is not None and text[following] in '“"„«'
        regions.extend(_regions_of_paragraph(text, block, reopened=reopened))
    return regions


def _regions_of_paragraph(text: str, block: Span, *, reopened: bool) -> list[Span]:
    regions: list[Span] = []
    double: int | None = None  # where the open double quotation began
    single: int | None = None
    for match in _MARK.finditer(text, block.start, block.end):
        at, mark = match.start(), match.group()
        before = text[at - 1] if at > block.start else " "
        after = text[at + 1] if at + 1 < block.end else " "
        opens = before in _OPENING_CONTEXT and not after.isspace()
        if mark in _SINGLES:
            if double is not None:
                continue  # a quotation inside a quotation is inside anyway
            if single is None:
                if mark != "’" and opens and not after.isdigit():
                    single = at
            elif mark not in "‘‚" and not after.isalnum() and not before.isspace():
                regions.append(Span(single, at + 1))
                single = None
        elif double is None:
            if mark not in _CLOSES and (mark in _OPENS or opens or not after.isspace()):
                double, single = at, None
        elif mark in _CLOSES or not (mark in _OPENS and opens):
            regions.append(Span(double, at + 1))
            double = None
        # an opening mark inside an open quotation changes nothing: the quotation is still open
    if double is not None and (reopened or text[double] in _OPENS):
        regions.append(Span(double, block.end))
    return regions
