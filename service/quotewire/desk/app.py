"""The desk's pages: what each address answers.

Everything works without scripts: forms post, pages come back.  With scripts the same forms are
sent in the background (``Accept: application/json``), so that nothing typed is lost to an error.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.resources import files
from typing import Final
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from quotewire.desk.downloads import FORMATS, written
from quotewire.desk.forms import (
    BrowserGoneError,
    Submission,
    read_form,
    read_submission,
    while_waited_for,
)
from quotewire.desk.guard import Guard
from quotewire.desk.page import Filters, page_of
from quotewire.desk.readings import Reading, Readings
from quotewire.desk.respond import DeskOptions, Responder, wants_json
from quotewire.desk.service import ModelChoice, Service
from quotewire.desk.sessions import COOKIE, Visitor
from quotewire.desk.verdicts import Verdict, read_verdict
from quotewire.desk.words import Trouble, trouble
from quotewire.errors import InputError, QuotewireError, UnauthenticatedError
from quotewire.render.drawing import css
from quotewire.render.table import printable
from quotewire.types import Article

_HEADING_CODE_POINTS: Final = 140
_GONE: Final = Trouble("This reading is no longer kept. Paste the article once more.", 404)
_FOREIGN: Final = Trouble(
    "This form is out of date, or came from another site. Send it once more.", 403
)
_EMPTY: Final = Submission(text="", title="", publisher="", models=("",), token="")


@functools.cache
def sample() -> str:
    """An article of our own, to try the page with."""
    return files("quotewire.desk").joinpath("samples/article.txt").read_text(encoding="utf-8")


def heading_of(article: Article) -> str:
    """Its headline, or how it begins; one line."""
    line = printable(article.title or article.text[:1000].strip().split("\n", 1)[0])
    return line if len(line) <= _HEADING_CODE_POINTS else line[: _HEADING_CODE_POINTS - 1] + "…"


class Desk(Responder):
    """The pages, in front of one service.  One event loop only."""

    def __init__(self, service: Service, options: DeskOptions) -> None:
        super().__init__(options)
        self._service = service
        self._readings = Readings()

    def app(self) -> Callable[..., Awaitable[None]]:
        """The ASGI application."""
        static = StaticFiles(packages=[("quotewire.desk", "static")])
        app = Starlette(
            routes=[
                Route("/", self.front, methods=["GET"]),
                Route("/", self.read, methods=["POST"]),
                Route("/readings/{id}", self.reading, methods=["GET"]),
                Route("/readings/{id}/{number:int}.{format}", self.download, methods=["GET"]),
                Route("/readings/{id}/statements/{statement}", self.correction, methods=["GET"]),
                Route("/readings/{id}/verdicts", self.verdict, methods=["POST"]),
                Route("/sign-in", self.sign_in, methods=["POST"]),
                Route("/sign-out", self.sign_out, methods=["POST"]),
                Route("/healthz", self.healthz, methods=["GET"]),
                Route("/static/drawing.css", self.drawing_css, methods=["GET"]),
                Mount("/static", static),
            ],
            exception_handlers={HTTPException: self.http_error, Exception: self.own_error},
        )
        return Guard(app, local_only=self._options.local_only)

    # ------------------------------------------------------------ pages

    async def front(self, request: Request) -> Response:
        """The form, empty or with the sample article."""
        typed = replace(_EMPTY, text=sample()) if "sample" in request.query_params else _EMPTY
        return await self._front(request, self._visitor(request), typed)

    async def read(self, request: Request) -> Response:
        """Reads an article and leads to its page; tells on the form what went wrong."""
        visitor, typed = self._visitor(request), _EMPTY
        try:
            form = await read_form(request, max_text_bytes=self._options.max_text_bytes)
            typed = read_submission(form)
            if not self._is_ours(request, visitor, form):
                return await self._front(request, visitor, typed, _FOREIGN)
            article = typed.article(max_text_bytes=self._options.max_text_bytes)
            if len(set(typed.models)) < len(typed.models):
                raise InputError(
                    field="The second model",
                    value="the same as the first",
                    allowed="another one, or none",
                )
            if typed.token:
                visitor = await self._signed_in(visitor, typed.token)
            work = self._answers(article, typed.models, visitor)
            reading = await while_waited_for(request, work)
        except QuotewireError as error:
            return await self._front(request, visitor, typed, trouble(error))
        except BrowserGoneError:
            return Response(status_code=499)  # nobody will see it
        address = f"/readings/{reading.id}"
        if wants_json(request):
            return self._with_cookie(request, visitor, JSONResponse({"location": address}))
        return self._with_cookie(request, visitor, RedirectResponse(address, 303))

    async def reading(self, request: Request) -> Response:
        """A reading, as the filters of the query leave it."""
        visitor = self._visitor(request)
        reading = self._readings.get(request.path_params["id"], owner=visitor.id)
        if reading is None:
            return await self._front(request, visitor, _EMPTY, _GONE)
        told: Trouble | None = None
        try:
            filters = Filters.from_query(request.query_params)
        except QuotewireError as error:
            filters, told = Filters(), trouble(error)
        models = await self._models_or_none(visitor)
        feedback = await self._service.takes_feedback(token=visitor.token)
        try:
            page = await asyncio.to_thread(page_of, reading, filters=filters)
        except QuotewireError as error:
            return await self._front(request, visitor, _EMPTY, trouble(error))
        typed = Submission(
            text=reading.article.text,
            title=reading.article.title or "",
            publisher=reading.article.publisher or "",
            models=tuple(one.model for one in reading.extractions),
            token="",
        )
        return await self._page(
            request,
            visitor,
            "reading.html",
            told,
            reading=reading,
            page=page,
            filters=filters,
            formats=FORMATS,
            feedback=feedback,
            typed=typed,
            models=models,
            heading=heading_of(reading.article),
            publisher=printable(reading.article.publisher or ""),
            editor=request.query_params.get("editor", "")[:256],
        )

    async def correction(self, request: Request) -> Response:
        """The form that corrects one statement, for browsers without scripts."""
        visitor = self._visitor(request)
        reading = self._readings.get(request.path_params["id"], owner=visitor.id)
        rows = (
            [row for view in page_of(reading, filters=Filters()).views for row in view.rows]
            if reading
            else []
        )
        found = [row for row in rows if row.statement.id == request.path_params["statement"]]
        if reading is None or not found:
            return await self._front(request, visitor, _EMPTY, _GONE)
        return await self._page(
            request, visitor, "correct.html", reading=reading, row=found[0], editor=""
        )

    async def download(self, request: Request) -> Response:
        """One model's answer as a file."""
        visitor = self._visitor(request)
        reading = self._readings.get(request.path_params["id"], owner=visitor.id)
        number, name = request.path_params["number"], request.path_params["format"]
        if reading is None or not 1 <= number <= len(reading.extractions) or name not in FORMATS:
            return await self._front(request, visitor, _EMPTY, _GONE)
        extraction = reading.extractions[number - 1]
        format_ = FORMATS[name]
        body = await asyncio.to_thread(written, name, reading.article, extraction)
        headers = {"content-disposition": f'attachment; filename="statements{format_.suffix}"'}
        return Response(body, media_type=format_.media_type, headers=headers)

    async def verdict(self, request: Request) -> Response:
        """Records an editor's verdict on one statement."""
        visitor = self._visitor(request)
        reading = self._readings.get(request.path_params["id"], owner=visitor.id)
        if reading is None:
            return await self._told(request, visitor, _GONE)
        try:
            form = await read_form(request, max_text_bytes=self._options.max_text_bytes)
            if not self._is_ours(request, visitor, form):
                return await self._told(request, visitor, _FOREIGN)
            verdict = read_verdict(form, reading)
            await self._record(verdict, visitor)
        except QuotewireError as error:
            return await self._told(request, visitor, trouble(error))
        reading.verdicts[verdict.statement_id] = verdict.verdict
        if wants_json(request):
            return JSONResponse({"verdict": verdict.verdict})
        query = urlencode({"editor": verdict.editor})
        return RedirectResponse(f"/readings/{reading.id}?{query}", 303)

    async def sign_in(self, request: Request) -> Response:
        """Takes a token, if the server knows it."""
        visitor = self._visitor(request)
        form = await read_form(request, max_text_bytes=self._options.max_text_bytes)
        if not self._is_ours(request, visitor, form):
            return await self._front(request, visitor, _EMPTY, _FOREIGN)
        try:
            visitor = await self._signed_in(visitor, form["token"].strip())
        except QuotewireError as error:
            return await self._front(request, visitor, _EMPTY, trouble(error))
        return self._with_cookie(request, visitor, RedirectResponse("/", 303))

    async def sign_out(self, request: Request) -> Response:
        visitor = self._visitor(request)
        form = await read_form(request, max_text_bytes=self._options.max_text_bytes)
        if not self._is_ours(request, visitor, form):
            return await self._front(request, visitor, _EMPTY, _FOREIGN)
        self._sessions.sign_out(visitor)
        response = RedirectResponse("/", 303)
        response.delete_cookie(COOKIE)
        return response

    async def healthz(self, request: Request) -> Response:
        """That the desk is there; whether the server behind it is, its own health check says."""
        return PlainTextResponse("ok\n")

    async def drawing_css(self, request: Request) -> Response:
        return Response(css(), media_type="text/css", headers={"cache-control": "no-cache"})

    async def http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        words = {404: "There is no such page.", 405: "This address takes no such request."}
        told = Trouble(words.get(error.status_code, error.detail), error.status_code)
        return await self._page(request, self._visitor(request), "message.html", told)

    async def own_error(self, request: Request, error: Exception) -> Response:
        told = Trouble("The desk itself failed; its log says when.", 500)
        return await self._page(request, self._visitor(request), "message.html", told)

    # ------------------------------------------------------------ what they are made of

    async def _answers(
        self, article: Article, models: tuple[str, ...], visitor: Visitor
    ) -> Reading:
        started = time.monotonic()
        async with _first_error(), asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    self._service.extract(
                        article,
                        model=model,
                        token=visitor.token,
                        timeout_s=self._options.timeout_s,
                    )
                )
                for model in models
            ]
        extractions = tuple(task.result() for task in tasks)
        self._pace.add(
            code_points=len(models) * len(article.text), seconds=time.monotonic() - started
        )
        named = replace(article, id=extractions[0].article_id)
        return self._readings.add(named, extractions, owner=visitor.id)

    async def _record(self, verdict: Verdict, visitor: Visitor) -> None:
        await self._service.record(
            article_id=verdict.article_id,
            statement_id=verdict.statement_id,
            verdict=verdict.verdict,
            corrected=verdict.corrected,
            editor=verdict.editor,
            token=visitor.token,
        )

    async def _signed_in(self, visitor: Visitor, token: str) -> Visitor:
        """Raises what the server says of the token."""
        if not token.isascii() or not token.isprintable() or not token:
            raise UnauthenticatedError("no token")  # none that a header could carry
        await self._service.models(token=token)
        self._sessions.sign_out(visitor)
        return self._sessions.sign_in(token)

    async def _front(
        self,
        request: Request,
        visitor: Visitor,
        typed: Submission,
        told: Trouble | None = None,
    ) -> Response:
        """The form, or where the server wants a token and there is no text yet, the sign-in."""
        if told is not None and wants_json(request):
            return self._json(told)
        models: list[ModelChoice] = []
        wants_token = told is not None and told.wants_token
        try:
            models = await self._service.models(token=visitor.token)
        except UnauthenticatedError as error:
            wants_token = True
            if visitor.token is not None and told is None:
                told = trouble(error)
            self._sessions.sign_out(visitor)
            visitor = replace(visitor, token=None)
            if not typed.text:
                return await self._page(
                    request, visitor, "sign_in.html", told, status=told.status if told else 401
                )
        except QuotewireError as error:
            told = told or trouble(error)
        return await self._page(
            request,
            visitor,
            "front.html",
            told,
            typed=typed,
            models=models,
            wants_token=wants_token,
        )

    async def _models_or_none(self, visitor: Visitor) -> list[ModelChoice]:
        try:
            return await self._service.models(token=visitor.token)
        except QuotewireError:
            return []


@asynccontextmanager
async def _first_error() -> AsyncIterator[None]:
    """Of several errors of a task group, raises the first."""
    try:
        yield
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
