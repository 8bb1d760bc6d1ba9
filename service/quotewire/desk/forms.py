"""What a browser sends: bounded before it is read, checked before it is used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from quotewire.errors import InputError
from quotewire.types import Article

# A form's other fields and its multipart frame (bytes).
_FRAME_BYTES = 64 * 1024
# How much of an upload that is too large is read and thrown away, so that the browser, which
# listens only when it has sent everything, gets to see the answer (bytes).
_DISCARD_BYTES = 256 * 1024 * 1024
MAX_LINE_CODE_POINTS = 500

_Result = TypeVar("_Result")
_Message = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Submission:
    """What a visitor wants read: ``models`` are one or two, "" for the server's choice.

    ``token`` is what was typed in where the page asked for one.
    """

    text: str
    title: str
    publisher: str
    models: tuple[str, ...]
    token: str

    def article(self, *, max_text_bytes: int) -> Article:
        """Raises InputError naming the field that cannot be used."""
        if not self.text.strip():
            raise InputError(field="article.text", value="empty", allowed="a text to read")
        if (size := len(self.text.encode())) > max_text_bytes:
            raise InputError(
                field="article.text",
                value=f"{size:,} bytes long",
                allowed=_allowed(max_text_bytes),
            )
        for name, value in (("title", self.title), ("publisher", self.publisher)):
            if len(value) > MAX_LINE_CODE_POINTS:
                raise InputError(
                    field=f"article.{name}",
                    value=f"{len(value)} characters long",
                    allowed=f"at most {MAX_LINE_CODE_POINTS} characters",
                )
        return Article(
            id="", text=self.text, title=self.title or None, publisher=self.publisher or None
        )


@dataclass(frozen=True, slots=True)
class Form:
    """``fields`` by name; ``file`` is what was uploaded, empty for nothing."""

    fields: Mapping[str, str]
    file: bytes

    def __getitem__(self, name: str) -> str:
        """The field of that name, "" where there is none."""
        return self.fields.get(name, "")


async def read_form(request: Request, *, max_text_bytes: int) -> Form:
    """The form of a request.  Raises InputError for one too large or malformed."""
    # A text and a file may both be there, each at its longest.
    limit = 2 * max_text_bytes + _FRAME_BYTES
    meter = _Meter(request.receive, limit)
    stream = Request(request.scope, meter.receive).stream()
    parser = MultiPartParser(
        request.headers, stream, max_files=1, max_fields=40, max_part_size=limit
    )
    parser.spool_max_size = limit  # nothing goes to a disk
    try:
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise MultiPartException("not multipart/form-data")
        form = await parser.parse()
    except _TooLargeError:
        await meter.discard()
        raise InputError(
            field="article.text",
            value=f"more than {max_text_bytes:,} bytes long",
            allowed=_allowed(max_text_bytes),
        ) from None
    except MultiPartException as error:
        raise InputError(
            field="request",
            value=f"no form ({error.message})",
            allowed="what this page’s form sends",
        ) from None
    try:
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        file = form.get("file")
        return Form(fields, await file.read() if isinstance(file, UploadFile) else b"")
    finally:
        await form.close()


def read_submission(form: Form) -> Submission:
    """Raises InputError where the file is no UTF-8 text."""
    text = form["text"]
    if form.file:
        try:
            text = form.file.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            # With a byte-order mark in front, the decoder counts from behind it.
            position = len(form.file) - len(error.object) + error.start
            raise InputError(
                field="file",
                value=f"no UTF-8: byte 0x{form.file[position]:02x} at position {position:,}",
                allowed="plain text in UTF-8",
            ) from None
    first, second = form["model"], form["second"]
    return Submission(
        # Browsers send every line break of a text field as CR LF.
        text=text.replace("\r\n", "\n"),
        title=form["title"].strip(),
        publisher=form["publisher"].strip(),
        models=(first,) if second in ("none", "") else (first, second),
        token=form["token"].strip(),
    )


def _allowed(max_text_bytes: int) -> str:
    return (
        f"at most {max_text_bytes:,} bytes on this page (`quotewire score` and the gRPC service "
        "take longer ones)"
    )


class BrowserGoneError(Exception):
    """Nobody waits for the answer any more."""


async def while_waited_for(request: Request, work: Coroutine[Any, Any, _Result]) -> _Result:
    """The result of ``work``, which is cancelled, with BrowserGoneError, when the browser goes."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise BrowserGoneError
        return task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class _TooLargeError(MultiPartException):
    """A body beyond its limit.  The parser cleans up after errors of its own kind only."""

    def __init__(self) -> None:
        super().__init__("too large")


class _Meter:
    """Passes a request's body on until it is too large."""

    def __init__(self, receive: Callable[[], Awaitable[_Message]], limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._size = 0
        self._ended = False

    async def receive(self) -> _Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._ended = not message.get("more_body", False)
            if self._size > self._limit:
                raise _TooLargeError
        return message

    async def discard(self) -> None:
        while not self._ended and self._size < _DISCARD_BYTES:
            message = await self._receive()
            if message["type"] != "http.request":
                return
            self._size += len(message.get("body", b""))
            self._ended = not message.get("more_body", False)
