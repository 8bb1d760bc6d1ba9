"""Folders (and single files) of .txt or .html: one file, one article."""

from __future__ import annotations

import os
import posixpath
from collections import Counter
from collections.abc import Generator, Iterator
from typing import NamedTuple

from quotewire.batch.readers import pages, streams
from quotewire.batch.readers.sequential import Found, Place, Problem, SequentialReader
from quotewire.batch.records import BadRecord, Reason, Record, SourceRef


class Entry(NamedTuple):
    """A file of a folder: ``url`` to open it by, ``name`` relative to the folder (with ``/``),
    ``size`` in bytes, ``changed``: whatever changes with its content."""

    url: str
    name: str
    size: int
    changed: str


def walk(folder: str) -> Iterator[Entry]:
    """All files of a folder and of those in it, in the order of their names.

    Hidden ones and those that begin with an underscore (``_SUCCESS``) are left out, as Spark and
    DuckDB do.  Holds the names of one folder on the way down at a time, so that millions of files
    take little memory (file systems behind URLs list whole).  Symbolic links are followed.
    """
    if streams.is_url(folder):
        yield from _walk_url(folder)
    else:
        yield from _walk_local(folder, "")


def _walk_local(folder: str, above: str) -> Iterator[Entry]:
    with os.scandir(folder) as found:
        entries = sorted((e for e in found if e.name[0] not in "._"), key=lambda e: e.name)
    for entry in entries:
        if entry.is_dir():
            yield from _walk_local(entry.path, f"{above}{entry.name}/")
        else:
            stat = entry.stat()
            changed = str(stat.st_mtime_ns)
            yield Entry(entry.path, above + entry.name, stat.st_size, changed)


def _walk_url(folder: str) -> Iterator[Entry]:
    files, path = streams.file_system(folder)
    for name, info in sorted(files.find(path, detail=True).items()):
        inner = posixpath.relpath(name, path)
        if all(part[0] not in "._" for part in inner.split("/")):
            changed = changed_of(info)
            yield Entry(files.unstrip_protocol(name), inner, info.get("size") or 0, changed)


# What file systems behind URLs call that which changes with a file's content.
_CHANGE_KEYS = (
    *("ETag", "etag", "md5Hash", "content_md5", "CRC", "checksum", "generation"),
    *("mtime", "LastModified", "last_modified", "modified", "updated", "created"),
)


def changed_of(info: dict[str, object]) -> str:
    """All that ``info`` (of fsspec) says that changes with the content; empty if nothing does."""
    return " ".join(f"{key}={info[key]}" for key in _CHANGE_KEYS if info.get(key) is not None)


class _FolderReader(SequentialReader):
    suffixes: tuple[str, ...] = ()

    def _find(self, place: Place | None, passed_over: Counter[str]) -> Generator[Found]:
        url = self.file.url
        if streams.is_url(url) or os.path.isdir(url):
            entries: Iterator[Entry] = walk(url)
        else:
            entries = iter([Entry(url, os.path.basename(url), os.path.getsize(url), "")])
        for entry in entries:
            if entry.name.lower().endswith(self.suffixes):
                yield Found(1, entry.size, entry, file=entry.url)

    def _bytes(self, entry: Entry) -> bytes | Problem:
        with streams.open_bytes(entry.url) as file:
            data = file.read(self._byte_limit + 1)
        if len(data) > self._byte_limit:
            detail = f"a file of {entry.size:,} bytes; allowed: at most {self._byte_limit:,}"
            return Problem(Reason.TOO_LONG, detail)
        return data


class TextFolderReader(_FolderReader):
    """The whole file is the text, in UTF-8; its name within the folder is the id."""

    suffixes = (".txt",)

    def _parse(self, found: Found, ref: SourceRef) -> Record | BadRecord:
        entry: Entry = found.data
        data = self._bytes(entry)
        if isinstance(data, Problem):
            return BadRecord(ref, data.reason, data.detail, entry.name)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            at = len(data) - len(error.object) + error.start
            detail = f"not UTF-8: byte 0x{data[at]:02x} at byte {at} of the file"
            return BadRecord(ref, Reason.ENCODING, detail, entry.name)
        return self._mapper.record({"id": entry.name, "text": text}, ref)


class HtmlFolderReader(_FolderReader):
    """The main text of each page; its name within the folder is the id."""

    suffixes = (".html", ".htm", ".xhtml")

    def _parse(self, found: Found, ref: SourceRef) -> Record | BadRecord:
        entry: Entry = found.data
        data = self._bytes(entry)
        if isinstance(data, Problem):
            return BadRecord(ref, data.reason, data.detail, entry.name)
        fields = pages.page_fields(pages.page_text(data))
        if not fields:
            detail = f"no main text found in a page of {len(data):,} bytes"
            return BadRecord(ref, Reason.NO_TEXT, detail, entry.name)
        return self._mapper.record({"id": entry.name, **fields}, ref)
