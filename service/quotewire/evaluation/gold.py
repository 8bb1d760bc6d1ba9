"""Gold articles from files: a corpus with its layer, or plain JSON lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from quotewire.errors import InputError
from quotewire.evaluation.corpus import corpus_articles
from quotewire.evaluation.jsonl import Located, by_id, list_of, read_json_lines
from quotewire.evaluation.rows import LAYERS, GoldArticle, name_of, rows_from_line

# The key of a statement whose presence says that a layer was annotated.
_KEY_OF_LAYER = {
    "act": "act",
    "speaker": "speaker",
    "intermediary": "intermediaries",
    "addressee": "addressee",
    "nested": "reported_in",
}


def read_gold(
    path: Path, *, layer: Path | None = None, texts: Path | None = None
) -> list[GoldArticle]:
    """The gold articles of a file, in its order.

    Two formats are told apart by the first line.  A corpus file has ``annotations``, of which the
    first annotator is gold; ``layer`` adds act, names, intermediaries, addressees and nested
    statements, and keeps only the articles it covers.  JSON lines have ``statements``, as
    ``quotewire score`` writes them, and the article's ``text`` (with ``title`` and ``publisher``,
    if any), or ``texts`` is a file of lines that has these under the same ids.

    Raises InputError for anything broken, naming file and line.
    """
    lines = list(read_json_lines(path))
    if not lines:
        raise InputError(field=str(path), value="no lines", allowed="at least one gold article")
    if "annotations" in lines[0][1]:
        if texts is not None:
            raise InputError(
                field="texts", value=str(texts), allowed="only beside gold that has no texts itself"
            )
        return corpus_articles(lines, layer=None if layer is None else read_json_lines(layer))
    if layer is not None:
        raise InputError(
            field="layer",
            value=str(layer),
            allowed=f"only beside a corpus file; {path.name} has no annotations",
        )
    return json_articles(lines, texts=None if texts is None else read_json_lines(texts))


def json_articles(
    lines: Iterable[Located], *, texts: Iterable[Located] | None = None
) -> list[GoldArticle]:
    """Gold in our own JSON line.  A line's ``labelled`` lists what was annotated besides source,
    cue and content (members of rows.LAYERS); without it, that is every layer whose key all of the
    line's statements have.

    So that gold of texts that are not ours to copy can be kept, a line may give names as places
    (see rows.speaker_name) and the ``sha256`` of the text that it was made from, which is checked.
    """
    sources = {} if texts is None else by_id(texts)
    articles = []
    for name, (where, line) in by_id(lines).items():
        list_of(line, "statements", where=where)
        article = {**(sources[name][1] if name in sources else {}), **line}
        text = article.get("text")
        if not isinstance(text, str):
            raise InputError(
                field=f"{where}: text",
                value="nothing" if text is None else repr(text)[:60],
                allowed="the article's text, in this line or under its id in the file of texts",
            )
        _same_text(line, text, where=where)
        title = name_of(article.get("title"), where=f"{where}: title")
        articles.append(
            GoldArticle(
                id=name,
                text=text,
                rows=rows_from_line(line, text=text, title=title, where=where),
                title=title,
                publisher=name_of(article.get("publisher"), where=f"{where}: publisher"),
                labelled=_labelled(line, where=where),
            )
        )
    return articles


def _same_text(line: Mapping[str, Any], text: str, *, where: str) -> None:
    """Raises InputError if the line's ``sha256`` is not that of the text (in UTF-8)."""
    expected = line.get("sha256")
    found = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    if expected is not None and expected != found:
        raise InputError(
            field=f"{where}: sha256",
            value=f"{found} (the text given for {line['id']!r})",
            allowed=f"{expected}, the text that was labelled",
        )


def _labelled(line: Mapping[str, Any], *, where: str) -> frozenset[str]:
    named = line.get("labelled")
    if named is None:
        return frozenset(
            layer
            for layer, key in _KEY_OF_LAYER.items()
            if all(key in statement for statement in line["statements"])
        )
    if not isinstance(named, list) or not all(name in LAYERS for name in named):
        raise InputError(
            field=f"{where}: labelled",
            value=repr(named)[:80],
            allowed=f"a list of {', '.join(sorted(LAYERS))}",
        )
    return frozenset(named)
