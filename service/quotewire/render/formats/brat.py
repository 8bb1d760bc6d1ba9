"""brat standoff (brat.nlplab.org/standoff.html): events around cues.

``write`` gives the ``.ann`` file of one article; brat wants beside it the text in a ``.txt`` of
the same name and, once a folder, :data:`CONFIGURATION` as ``annotation.conf``: see
:func:`write_folder`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from quotewire.errors import InputError
from quotewire.render.formats import Answer
from quotewire.render.formats.common import encoded
from quotewire.render.spans import check_spans
from quotewire.types import Act, Article, Extraction, Span, Statement

CONFIGURATION = """\
[entities]
Quote
Speaker
Intermediary
Addressee
[relations]
<OVERLAP>\tArg1:<ANY>, Arg2:<ANY>, <OVL-TYPE>:<ANY>
[events]
Statement\tQuote:Quote, Speaker?:Speaker, Intermediary*:Intermediary, Addressee?:Addressee, \
Reported_in?:<EVENT>
Attitude\tQuote:Quote, Speaker?:Speaker, Intermediary*:Intermediary, Addressee?:Addressee, \
Reported_in?:<EVENT>
[attributes]
Kind\tArg:<EVENT>, Value:direct|indirect|mixed
Speaker_type\tArg:Speaker, Value:person|organization|group|document
Intermediary_kind\tArg:Intermediary, Value:outlet|platform|person|press|document
"""
# Whatever some reader takes for the end of a line or of a field: annotations are lines of fields.
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]")
_LONGEST_NAME = 100  # bytes of a file name; file systems allow 255


def write(answers: Iterable[Answer]) -> Iterator[bytes]:
    """The ``.ann`` file of one article; InputError where there are more."""
    for number, (article, extraction) in enumerate(answers):
        if number:
            raise InputError(
                field="articles",
                value="several",
                allowed="one for one .ann file; several go into a folder (--out FOLDER)",
            )
        yield annotation_lines(article, extraction)


def write_folder(answers: Iterable[Answer], folder: Path) -> int:
    """Write ``NAME.txt`` and ``NAME.ann`` for each article, and ``annotation.conf``; how many
    articles there were.  NAME is the article's id, percent-encoded where a file system might
    object; articles of one id get ``~2``, ``~3``, … behind it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "annotation.conf").write_text(CONFIGURATION, encoding="utf-8")
    used: dict[str, int] = {}
    count = 0
    for article, extraction in answers:
        content = annotation_lines(article, extraction)
        name = file_name(article.id)
        used[name] = used.get(name, 0) + 1
        name += f"~{used[name]}" if used[name] > 1 else ""
        (folder / f"{name}.txt").write_bytes(encoded(article.text))
        (folder / f"{name}.ann").write_bytes(content)
        count += 1
    return count


def file_name(article_id: str) -> str:
    """A name that is no path, no hidden file and not too long; other ids, other names."""
    name = quote(article_id, safe=" ", errors="replace").replace("~", "%7E")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if len(name) > _LONGEST_NAME:
        digest = hashlib.sha256(article_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        name = f"{name[:_LONGEST_NAME]}-{digest}"
    return name


def annotation_lines(article: Article, extraction: Extraction) -> bytes:
    """The lines of the ``.ann`` file.  Raises InputError where a span lies outside the text."""
    check_spans(article, extraction)
    lines = _Lines(article.text)
    events = {s.id: f"E{n}" for n, s in enumerate(extraction.statements, start=1)}
    for statement in extraction.statements:
        outer = events.get(statement.reported_in or "")
        lines.add(statement, event=events[statement.id], outer=outer)
    return encoded("".join(f"{line}\n" for line in lines.lines))


class _Lines:
    """Collects annotation lines and counts their ids."""

    def __init__(self, text: str) -> None:
        self.lines: list[str] = []
        self._text = text
        self._bound: dict[tuple[str, tuple[Span, ...]], str] = {}
        self._attributes: set[str] = set()
        self._notes: set[str] = set()

    def add(self, statement: Statement, *, event: str, outer: str | None) -> None:
        type_ = "Attitude" if statement.act is Act.ATTITUDE else "Statement"
        speaker = statement.speaker
        roles = [("Quote", self._text_bound("Quote", *statement.quote.spans))]
        if speaker and speaker.mention:
            mention = self._text_bound("Speaker", speaker.mention)
            roles.append(("Speaker", mention))
            if speaker.type:
                self._attribute("Speaker_type", mention, speaker.type.value)
            if speaker.name:
                self._note(mention, speaker.name)
        for number, intermediary in enumerate(statement.intermediaries, start=1):
            mention = self._text_bound("Intermediary", intermediary.mention)
            roles.append((f"Intermediary{number if number > 1 else ''}", mention))
            self._attribute("Intermediary_kind", mention, intermediary.kind.value)
            if intermediary.name:
                self._note(mention, intermediary.name)
        if statement.addressee:
            roles.append(("Addressee", self._text_bound("Addressee", statement.addressee)))
        if outer:
            roles.append(("Reported_in", outer))
        trigger = self._text_bound(type_, statement.cue)
        arguments = " ".join(f"{role}:{argument}" for role, argument in roles)
        self.lines.append(f"{event}\t{type_}:{trigger} {arguments}")
        self._attribute("Kind", event, statement.quote.kind.value)
        named = speaker.name if speaker and speaker.name and not speaker.mention else None
        self._note(
            event,
            f"id {statement.id}; confidence {statement.confidence:.4f}"
            + (f"; speaker {named}" if named else ""),
        )

    def _text_bound(self, type_: str, *spans: Span) -> str:
        """The id of that annotation; one that stands already is used again."""
        key = (type_, spans)
        if key not in self._bound:
            self._bound[key] = id_ = f"T{len(self._bound) + 1}"
            where = ";".join(f"{span.start} {span.end}" for span in spans)
            words = " ".join(_one_line(span.slice(self._text)) for span in spans)
            self.lines.append(f"{id_}\t{type_} {where}\t{words}")
        return self._bound[key]

    def _attribute(self, name: str, of: str, value: str) -> None:
        self._add("A", self._attributes, f"{name} {of} {value}")

    def _note(self, of: str, words: str) -> None:
        self._add("#", self._notes, f"AnnotatorNotes {of}\t{_one_line(words)}")

    def _add(self, letter: str, known: set[str], line: str) -> None:
        if line not in known:
            known.add(line)
            self.lines.append(f"{letter}{len(known)}\t{line}")


def _one_line(words: str) -> str:
    return _BREAKS.sub(" ", words)
