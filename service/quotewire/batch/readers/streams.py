"""Bytes from anywhere: local paths and URLs, unpacked on the way, in lines of bounded length."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import IO, Any, NamedTuple, cast

from quotewire.batch.extras import needed_for
from quotewire.errors import InputError

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_BLOCK_BYTES = 1 << 18
# zstd packs up to 128 kB of the same byte into 4: so much at once unpacks to 32 MB at most.
_ZSTD_FEED_BYTES = 1 << 10


class BrokenStreamError(Exception):
    """A packed stream ends early or holds something else: what follows cannot be known."""


# What reading a packed stream raises where its bytes, not the disk, are at fault.
BROKEN = (BrokenStreamError, EOFError, zlib.error, gzip.BadGzipFile)


class Line(NamedTuple):
    """A line with its end, or the first bytes of one that is over the limit.

    ``number`` counts from 1; ``offset`` and ``size`` are bytes of the unpacked stream.
    """

    number: int
    offset: int
    size: int
    data: bytes

    @property
    def over_long(self) -> bool:
        return len(self.data) < self.size


def is_url(place: str) -> bool:
    return "://" in place


def file_system(url: str) -> tuple[Any, str]:
    """The file system of a URL (of fsspec), and the path in it.

    Raises InputError for a URL of a kind that nobody knows, QuotewireError where its package is
    missing.
    """
    with needed_for(url):
        import fsspec

        try:
            files, path = fsspec.core.url_to_fs(url)
        except ValueError as error:
            raise InputError(field="input", value=repr(url), allowed=str(error)) from error
    return files, path


def open_bytes(place: str) -> IO[bytes]:
    """A buffered binary file: a local path by the standard library, any URL by fsspec.

    Raises OSError when it is missing or unreadable.
    """
    if not is_url(place):
        return open(place, "rb")
    files, path = file_system(place)
    raw = files.open(path, "rb")
    # Some file systems' own files can neither peek nor stop a line at a limit.
    return cast(IO[bytes], io.BufferedReader(cast(io.RawIOBase, raw), _BLOCK_BYTES))


def is_packed(file: IO[bytes]) -> bool:
    """Whether ``file``, at its beginning, is gzip or zstd: told by its bytes, not its name."""
    start = cast(io.BufferedReader, file).peek(4)[:4]
    return start[:2] == _GZIP_MAGIC or start == _ZSTD_MAGIC


def unpacked(file: IO[bytes]) -> IO[bytes]:
    """``file`` itself, or what it unpacks to; reading raises one of BROKEN where that breaks."""
    if not is_packed(file):
        return file
    if cast(io.BufferedReader, file).peek(2)[:2] == _GZIP_MAGIC:
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    return cast(IO[bytes], io.BufferedReader(_Zstd(file), _BLOCK_BYTES))


def lines(stream: IO[bytes], *, limit: int, offset: int = 0, number: int = 1) -> Iterator[Line]:
    """The lines of a stream from where it stands; of a line over ``limit`` bytes, only so many are
    ever held.  ``offset`` and ``number`` are those of the first line."""
    while data := stream.readline(limit + 1):
        size = len(data)
        if size > limit and not data.endswith(b"\n"):
            while rest := stream.readline(_BLOCK_BYTES):
                size += len(rest)
                if rest.endswith(b"\n"):
                    break
            data = data[:1024]
        yield Line(number, offset, size, data)
        offset += size
        number += 1


class _Zstd(io.RawIOBase):
    """All frames of a zstd file; unlike zstandard's own stream reader, it tells a truncated one."""

    def __init__(self, file: IO[bytes]) -> None:
        with needed_for("a zstd file"):
            import zstandard

        self._file = file
        self._frames = zstandard.ZstdDecompressor(max_window_size=1 << 31)
        self._frame: Any = None
        self._packed = memoryview(b"")
        self._out = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._out:
            if not self._packed:
                self._packed = memoryview(self._file.read(_BLOCK_BYTES))
            if not self._packed:
                if self._frame is not None:
                    raise BrokenStreamError("it ends before its end")
                return 0
            if self._frame is None:
                self._frame = self._frames.decompressobj()
            self._out = memoryview(self._decompress())
        count = min(len(buffer), len(self._out))
        buffer[:count] = self._out[:count]
        self._out = self._out[count:]
        return count

    def _decompress(self) -> bytes:
        import zstandard

        feed, self._packed = self._packed[:_ZSTD_FEED_BYTES], self._packed[_ZSTD_FEED_BYTES:]
        try:
            data = self._frame.decompress(feed)
        except zstandard.ZstdError as error:
            raise BrokenStreamError(str(error)) from error
        if self._frame.eof:
            unused = self._frame.unused_data
            self._packed = memoryview(unused + self._packed.tobytes())
            self._frame = None
        return cast(bytes, data)


class GzipMembers(io.RawIOBase):
    """A gzip file whose members can be told apart, for web archives: one member a record.

    ``member_at`` says at which byte of the packed file a member began that gave the unpacked
    byte of that number, if one began just there.  Reading raises one of BROKEN where a member is
    broken, again and again, until :meth:`skip_to_member` finds the next.
    """

    def __init__(self, file: IO[bytes], *, offset: int = 0) -> None:
        self._file = file
        self._given = 0  # unpacked bytes so far
        self._begin(offset)
        self._starts: dict[int, int] = {}

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._given

    def member_at(self, unpacked_offset: int) -> int | None:
        found = self._starts.get(unpacked_offset)
        self._starts = {at: start for at, start in self._starts.items() if at > unpacked_offset}
        return found

    def _begin(self, offset: int) -> None:
        self._file.seek(offset)
        self._start = self._packed_end = offset
        self._packed = b""
        self._member: Any = None

    def readinto(self, buffer: Any) -> int:
        while True:
            if not self._packed:
                self._packed = self._file.read(_BLOCK_BYTES)
                self._packed_end += len(self._packed)
                if not self._packed:
                    if self._member is None:
                        return 0
                    raise EOFError("it ends within a member")
            if self._member is None:
                self._packed = self._packed.lstrip(b"\0")  # padding between members
                if not self._packed:
                    continue
                self._start = self._packed_end - len(self._packed)
                self._starts[self._given] = self._start
                self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)
            data = self._member.decompress(self._packed, len(buffer))
            self._packed = self._member.unconsumed_tail
            if self._member.eof:
                self._packed, self._member = self._member.unused_data, None
            if data:
                buffer[: len(data)] = data
                self._given += len(data)
                return len(data)

    def skip_to_member(self, *, holding: bytes) -> int | None:
        """Go to the next member that unpacks to something beginning with ``holding``; the number
        of packed bytes that were passed over from the start of the broken one, None at the end."""
        begin, at = self._start, self._start + 1
        while True:
            self._file.seek(at)
            block = self._file.read(_BLOCK_BYTES)
            if len(block) < 18:  # no member is shorter
                return None
            hit = block.find(_GZIP_MAGIC + b"\x08")
            if hit < 0:
                at += max(len(block) - 2, 1)
                continue
            head = block[hit : hit + 1024]
            if len(head) < 1024:
                self._file.seek(at + hit)
                head = self._file.read(1024)
            try:
                start = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(head, len(holding))
            except zlib.error:
                start = b""
            if start == holding:
                self._begin(at + hit)
                return at + hit - begin
            at += hit + 1
