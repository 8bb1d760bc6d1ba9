"""Web archives: WARC (plain, gzip a record or as a whole, zstd), WET and WACZ, by warcio.

Pages (HTML responses with status 200, HTML resources, the plain text of WET files) are records;
all else is passed over and counted by kind.  warcio reads headers; frames and packing are read
here, because warcio writes to standard error and goes on where they are broken, and because a
worker must find a record again by its place.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Generator
from typing import IO, Any, NamedTuple, cast

from warcio.bufferedreaders import ChunkedDataReader
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecordLoader

from quotewire.batch.readers import pages, streams
from quotewire.batch.readers.sequential import Found, Place, Problem, SequentialReader
from quotewire.batch.records import BadRecord, InputFormat, Reason, Record, SourceRef

_BLOCK_BYTES = 1 << 16
# All header lines of one record together; crawlers' own are a hundredth of it.
_HEADER_BYTES = 1 << 20
_FIRST_WORDS = (b"WARC/1.", b"WARC/0.")
_HTML = ("text/html", "application/xhtml+xml")
_MAX_KINDS = 200  # of records passed over; content types are anybody's words


class WarcReader(SequentialReader):
    """One record for every page.  A broken record is a bad one, and reading goes on at the next
    that can be found."""

    def _find(self, place: Place | None, passed_over: Counter[str]) -> Generator[Found]:
        with streams.open_bytes(self.file.url) as file:
            if self.file.format is not InputFormat.WACZ:
                yield from self._archive(_Archive(file, place), passed_over)
                return
            try:
                bundle = zipfile.ZipFile(file)
            except zipfile.BadZipFile as error:
                yield Found(1, 0, Problem(Reason.UNREADABLE, f"no WACZ file: {error}"))
                return
            with bundle:
                names = (n for n in bundle.namelist() if n.startswith("archive/"))
                for name in sorted(n for n in names if n.endswith((".warc", ".warc.gz"))):
                    with bundle.open(name) as member:
                        url = f"{self.file.url}/{name}"
                        archive = _Archive(member, None, may_seek=False)
                        yield from self._archive(archive, passed_over, file=url)

    def _archive(
        self, archive: _Archive, passed_over: Counter[str], *, file: str | None = None
    ) -> Generator[Found]:
        while True:
            try:
                if not archive.at_record():
                    return
                place = archive.place
                record = archive.record()
            except _BROKEN as error:
                yield Found(archive.line, 0, _problem(error), file=file)
                if not archive.recover():
                    return
                continue
            kind = _kind(record)
            if kind is None:
                size = min(record.length, self._byte_limit)
                yield Found(archive.line, size, _Page(record, archive), place, file)
            else:
                kind = kind if kind in passed_over or len(passed_over) < _MAX_KINDS else "other"
                passed_over[kind] += 1
            try:
                archive.drain(record)
            except _BROKEN as error:
                if kind is not None:  # a page tells of its own breakage when it is read
                    yield Found(archive.line, 0, _problem(error), file=file)
                if not archive.recover():
                    return

    def _parse(self, found: Found, ref: SourceRef) -> Record | BadRecord:
        page: _Page = found.data
        headers = page.record.rec_headers
        article_id = (headers.get_header("WARC-Record-ID") or "").strip("<>")
        article_id = article_id.removeprefix("urn:uuid:") or f"{ref.file}#{ref.record}"
        data = self._payload(page)
        if isinstance(data, Problem):
            return BadRecord(ref, data.reason, data.detail, article_id)
        url = headers.get_header("WARC-Target-URI")
        mime, charset = _content_type(page.record)
        if mime in _HTML:
            fields = pages.page_fields(pages.page_text(data, charset=charset), url=url)
        else:
            try:
                fields = {"text": data.decode("utf-8"), "url": url}
            except UnicodeDecodeError as error:
                detail = f"not UTF-8: byte 0x{data[error.start]:02x} at byte {error.start}"
                return BadRecord(ref, Reason.ENCODING, detail, article_id)
        if not fields:
            detail = f"no main text found in {url}, a page of {len(data):,} bytes"
            return BadRecord(ref, Reason.NO_TEXT, detail, article_id)
        captured = headers.get_header("WARC-Date")
        return self._mapper.record({"id": article_id, "captured": captured, **fields}, ref)

    def _payload(self, page: _Page) -> bytes | Problem:
        """The page's bytes as the browser would see them."""
        record = page.record
        if record.length > self._byte_limit:
            return self._too_long(record.length)
        try:
            data = record.raw_stream.read()
            page.archive.drain(record)
        except _BROKEN as error:
            return _problem(error)
        if record.http_headers is None:
            return cast(bytes, data)
        if (record.http_headers.get_header("transfer-encoding") or "").lower() == "chunked":
            data = ChunkedDataReader(io.BytesIO(data)).read()
        packing = (record.http_headers.get_header("content-encoding") or "").strip().lower()
        try:
            data = _unpack(data, packing, limit=self._byte_limit + 1)
        except Exception as error:  # each library raises its own
            return Problem(Reason.UNREADABLE, f"content-encoding {packing[:20]!r}: {error}")
        return data if len(data) <= self._byte_limit else self._too_long(len(data))

    def _too_long(self, size: int) -> Problem:
        detail = f"a page of {size:,} bytes; allowed: at most {self._byte_limit:,}"
        return Problem(Reason.TOO_LONG, detail)


class _BrokenRecordError(Exception):
    """The frame of a record is broken: no header where one should be, a length that is wrong."""


_BROKEN = (_BrokenRecordError, *streams.BROKEN)


def _problem(error: BaseException) -> Problem:
    if isinstance(error, _BrokenRecordError):
        return Problem(Reason.SYNTAX, f"no WARC record: {error}")
    return Problem(Reason.UNREADABLE, f"the archive is broken here: {error}")


class _Archive:
    """Records one after the other from a file, plain or packed.

    ``line`` is the number of the record at hand, counted from 1; ``place`` where it stands, None
    where reading cannot begin there (a member of gzip that holds several, zstd, a zip).
    """

    def __init__(self, file: IO[bytes], place: Place | None, *, may_seek: bool = True) -> None:
        offset, self.line = place or (0, 0)
        self._may_seek = may_seek
        self._members: streams.GzipMembers | None = None
        self._plain = not streams.is_packed(file)
        self._loader = ArcWarcRecordLoader(verify_http=False)
        self.place: Place | None = None
        if not self._plain and cast(io.BufferedReader, file).peek(1)[:1] == b"\x1f":
            self._members = streams.GzipMembers(file, offset=offset)
            self._stream = self._unpacked_members(self._members)
        else:
            self._stream = cast(io.BufferedReader, streams.unpacked(file))
            if offset:
                self._stream.seek(offset)

    @staticmethod
    def _unpacked_members(members: streams.GzipMembers) -> io.BufferedReader:
        return io.BufferedReader(cast(io.RawIOBase, members), _BLOCK_BYTES)

    def at_record(self) -> bool:
        """Go over blank lines to the next record; False at the end."""
        self.line += 1
        while head := self._stream.peek(1)[:1]:
            if head not in b"\r\n":
                break
            self._stream.read(1)
        offset: int | None = self._stream.tell() if self._plain else None
        if self._members is not None:
            offset = self._members.member_at(self._stream.tell())
        known = self._may_seek and offset is not None
        self.place = (cast(int, offset), self.line - 1) if known else None
        return bool(head)

    def record(self) -> Any:
        """The headers of the record, its body yet to be read.  Raises one of _BROKEN."""
        try:
            record = self._loader.parse_record_stream(_Header(self._stream), known_format="warc")
        except _BROKEN:
            raise
        except OSError:
            raise
        except ArchiveLoadFailed as error:
            raise _BrokenRecordError(str(error)[:200]) from error
        except Exception as error:  # what warcio's parser raises for strange headers
            raise _BrokenRecordError(f"{type(error).__name__}: {str(error)[:200]}") from error
        length = record.rec_headers.get_header("Content-Length")
        if not (length and length.isascii() and length.isdigit()):
            raise _BrokenRecordError(f"Content-Length: got {str(length)[:40]!r}; allowed: a number")
        return record

    def drain(self, record: Any) -> None:
        """Read the rest of a record.  Raises one of _BROKEN where it breaks off, or where neither
        a blank line nor a record follows: then its length is wrong."""
        while record.raw_stream.read(_BLOCK_BYTES):
            pass
        left = getattr(record.raw_stream, "limit", 0)
        if left:
            raise EOFError(f"it ends {left:,} bytes before the end of a record")
        follows = self._stream.peek(5)[:5]
        if follows and follows[:1] not in b"\r\n" and not b"WARC/".startswith(follows):
            raise _BrokenRecordError("more follows than its Content-Length says")

    def recover(self) -> bool:
        """Go to the next line that begins a record; False if there is none."""
        try:
            while line := self._stream.readline(_BLOCK_BYTES):
                if self._stream.peek(7)[:7] in _FIRST_WORDS and line.endswith(b"\n"):
                    return True
            return False
        except streams.BROKEN:
            if self._members is None or self._members.skip_to_member(holding=b"WARC/") is None:
                return False
            self._stream.detach()  # or it would close the members when it goes
            self._stream = self._unpacked_members(self._members)
            return True


class _Header:
    """A stream whose lines, until the body is read, are of bounded length together."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._left = _HEADER_BYTES

    def readline(self, length: int | None = None) -> bytes:
        limit = self._left if length is None else min(length, self._left)
        line = self._stream.readline(limit)
        self._left -= len(line)
        if not self._left:
            raise _BrokenRecordError(f"headers of more than {_HEADER_BYTES:,} bytes")
        return line

    def read(self, length: int = -1) -> bytes:
        return self._stream.read(length)

    def tell(self) -> int:
        return self._stream.tell()


class _Page(NamedTuple):
    """A record of warcio's, and the archive that it is still to be read from."""

    record: Any
    archive: _Archive


def _content_type(record: Any) -> tuple[str, str | None]:
    """Content type in lower case without parameters (empty if none is said), and the charset."""
    said = record.content_type
    if record.http_headers is not None:
        said = record.http_headers.get_header("content-type")
    mime, *parameters = (said or "").split(";")
    charset = None
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip("\"'")
    return mime.strip().lower(), charset


def _kind(record: Any) -> str | None:
    """What a record is that is no page; None for a page."""
    mime = _content_type(record)[0]
    if record.rec_type == "response":
        if record.http_headers is None:
            return "response without HTTP"
        if (status := record.http_headers.get_statuscode()) != "200":
            return f"status {status[:20]}"
        return None if mime in _HTML else mime[:60] or "no content type"
    if record.rec_type == "resource":
        return None if mime in _HTML else mime[:60] or "no content type"
    if record.rec_type == "conversion":
        return None if mime == "text/plain" else f"conversion to {mime[:60]}"
    return str(record.rec_type)[:40]


def _unpack(data: bytes, packing: str, *, limit: int) -> bytes:
    """The first ``limit`` bytes of what was packed for the way.

    Many crawlers unpack and leave the header: data that does not look packed is taken as it is.
    """
    if packing in ("gzip", "x-gzip"):
        if not data.startswith(b"\x1f\x8b"):
            return data
        return _inflate(data, zlib.MAX_WBITS | 16, limit)
    if packing == "deflate":
        try:
            return _inflate(data, zlib.MAX_WBITS, limit)
        except zlib.error:  # half of all servers leave out zlib's frame
            return _inflate(data, -zlib.MAX_WBITS, limit)
    if packing == "br" and not data.lstrip().startswith(b"<"):
        import brotli

        decompressor = brotli.Decompressor()
        unpacked: bytes = decompressor.process(data, output_buffer_limit=limit)
        if not decompressor.is_finished() and len(unpacked) < limit:
            raise EOFError("it ends before its end")
        return unpacked
    if packing == "zstd" and not data.lstrip().startswith(b"<"):
        return streams.unpacked(io.BufferedReader(cast(io.RawIOBase, io.BytesIO(data)))).read(limit)
    return data


def _inflate(data: bytes, bits: int, limit: int) -> bytes:
    inflater = zlib.decompressobj(bits)
    unpacked = inflater.decompress(data, limit)
    if not inflater.eof and len(unpacked) < limit:
        raise EOFError("it ends before its end")
    return unpacked
