"""The command line's arguments -> inputs: what each is, how large, and what tells its content."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

from quotewire.batch.readers import streams
from quotewire.batch.readers.folders import Entry, changed_of, walk
from quotewire.batch.records import InputFile, InputFormat, ReadOptions
from quotewire.errors import InputError

_log = logging.getLogger(__name__)

_PACKED = (".gz", ".zst", ".zstd")
_SUFFIXES = {
    ".jsonl": InputFormat.JSONL,
    ".ndjson": InputFormat.JSONL,
    ".json": InputFormat.JSONL,
    ".csv": InputFormat.CSV,
    ".tsv": InputFormat.CSV,
    ".parquet": InputFormat.PARQUET,
    ".pq": InputFormat.PARQUET,
    ".txt": InputFormat.TEXT,
    ".html": InputFormat.HTML,
    ".htm": InputFormat.HTML,
    ".xhtml": InputFormat.HTML,
    ".warc": InputFormat.WARC,
    ".wet": InputFormat.WARC,
    ".wacz": InputFormat.WACZ,
}
# Their files are articles, not inputs of their own, where they stand in a folder.
_ONE_ARTICLE = (InputFormat.TEXT, InputFormat.HTML)


def find_inputs(arguments: Sequence[str], *, options: ReadOptions) -> list[InputFile]:
    """The inputs that ``arguments`` mean, in their order: files, folders, URLs, URLs with ``*``.

    Of a folder, all files count whose kind is known, in the order of their names; its .txt files
    together are one input, so are its .html files.  Files of other kinds are logged, by number.

    ``InputFile.fingerprint`` is cheap: size and time of change (to the nanosecond) of local files;
    size and ETag, checksum or time behind URLs; a hash of the content (which costs reading it)
    where a server tells none of these; for folders, of all that of all their files.

    Raises OSError for what does not exist, InputError for what is of no known kind, given twice or
    empty of articles.
    """
    found: list[InputFile] = []
    for argument in arguments:
        inputs = list(_inputs_of(argument, options))
        if not inputs:
            raise InputError(
                field="input", value=repr(argument), allowed="at least one article in it"
            )
        found += inputs
    seen: set[tuple[str, InputFormat]] = set()
    for file in found:
        key = (file.url if streams.is_url(file.url) else os.path.realpath(file.url), file.format)
        if key in seen:
            raise InputError(field="input", value=f"{file.url!r} twice", allowed="each input once")
        seen.add(key)
    return found


def _inputs_of(argument: str, options: ReadOptions) -> Iterator[InputFile]:
    if not streams.is_url(argument):
        if os.path.isdir(argument):
            yield from _in_folder(argument, options)
            return
        stat = os.stat(argument)
        entry = Entry(argument, argument, stat.st_size, str(stat.st_mtime_ns))
        yield _one(entry, options.format or _told(argument))
        return
    files, path = streams.file_system(argument)
    if "*" in path:
        places = [files.unstrip_protocol(name) for name in sorted(files.glob(path))]
    elif files.isdir(path):
        yield from _in_folder(argument, options)
        return
    else:
        places = [argument]
    for place in places:
        info = files.info(streams.file_system(place)[1])
        entry = Entry(place, place, info.get("size") or 0, changed_of(info))
        yield _one(entry, options.format or _told(place))


def _in_folder(folder: str, options: ReadOptions) -> Iterator[InputFile]:
    together = {kind: _Together(folder, kind) for kind in _ONE_ARTICLE}
    other = 0
    for entry in walk(folder):
        kind = _by_name(entry.name)
        if kind is None or (options.format is not None and kind is not options.format):
            other += 1
        elif kind in together:
            together[kind].add(entry)
        else:
            yield _one(entry, kind)
    yield from (kind.input() for kind in together.values() if kind.files)
    if other:
        _log.warning("%s: passed over %d files of other kinds", folder, other)


class _Together:
    """The text or HTML files of a folder, which are one input."""

    def __init__(self, folder: str, kind: InputFormat) -> None:
        self.files = 0
        self._folder, self._kind, self._size = folder, kind, 0
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, entry: Entry) -> None:
        self.files += 1
        self._size += entry.size
        self._hash.update(
            f"{entry.name}\0{entry.size}\0{_changed(entry)}\n".encode(errors="replace")
        )

    def input(self) -> InputFile:
        fingerprint = f"{self.files} files {self._hash.hexdigest()}"
        return InputFile(self._folder, self._kind, self._size, fingerprint)


def _one(entry: Entry, kind: InputFormat) -> InputFile:
    return InputFile(entry.url, kind, entry.size, f"{entry.size} {_changed(entry)}")


def _changed(entry: Entry) -> str:
    if entry.changed:
        return entry.changed
    with streams.open_bytes(entry.url) as file:
        return "sha256=" + hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _by_name(name: str) -> InputFormat | None:
    name = name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return _SUFFIXES.get(os.path.splitext(name)[1])


def _told(place: str) -> InputFormat:
    """The kind of a file, by its name or, where that says nothing, by its first bytes."""
    if (kind := _by_name(place)) is not None:
        return kind
    with streams.open_bytes(place) as file:
        try:
            start: Any = streams.unpacked(file).read(64)
        except streams.BROKEN:
            start = b""
    for mark, told in ((b"PAR1", InputFormat.PARQUET), (b"WARC/", InputFormat.WARC)):
        if start.startswith(mark):
            return told
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return InputFormat.JSONL
    raise InputError(
        field="input",
        value=f"{place!r}, of no kind that its name or first bytes tell",
        allowed="--format with one of " + ", ".join(InputFormat),
    )
