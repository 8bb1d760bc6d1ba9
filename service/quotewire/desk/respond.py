"""How the desk answers: pages, JSON for its scripts, cookies, and whose form it was."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from quotewire.desk.forms import Form
from quotewire.desk.guard import is_own_page
from quotewire.desk.pace import Pace
from quotewire.desk.sessions import COOKIE, Sessions, Visitor
from quotewire.desk.words import Trouble

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DeskOptions:
    """``max_text_bytes``: longest article, in bytes of UTF-8; ``timeout_s``: longest wait for an
    answer, in seconds; ``local_only``: answer only to this machine's own names, so that no other
    site can be made to look like this one (DNS rebinding)."""

    max_text_bytes: int = MIB
    timeout_s: float = 120.0
    local_only: bool = True


@functools.cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("quotewire.desk"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class Responder:
    """What all pages share.  One event loop only."""

    def __init__(self, options: DeskOptions) -> None:
        self._options = options
        self._sessions = Sessions()
        self._pace = Pace()

    async def _told(self, request: Request, visitor: Visitor, told: Trouble) -> Response:
        if wants_json(request):
            return self._json(told)
        return await self._page(request, visitor, "message.html", told)

    def _json(self, told: Trouble) -> Response:
        body: dict[str, Any] = {"error": told.sentence, "wants_token": told.wants_token}
        headers = {}
        if told.retry_after_s is not None:
            body["retry_after_s"] = told.retry_after_s
            headers["retry-after"] = str(told.retry_after_s)
        return JSONResponse(body, told.status, headers=headers)

    async def _page(
        self,
        request: Request,
        visitor: Visitor,
        template: str,
        told: Trouble | None = None,
        *,
        status: int | None = None,
        **values: Any,
    ) -> Response:
        context = {
            "told": told,
            "form_token": self._sessions.form_token(visitor),
            "signed_in": visitor.token is not None,
            "max_text_bytes": self._options.max_text_bytes,
            "pace": self._pace.code_points_per_s,
            "wants_token": False,
            **values,
        }
        html = await asyncio.to_thread(_templates().get_template(template).render, context)
        headers = {}
        if told is not None and told.retry_after_s is not None:
            headers["retry-after"] = str(told.retry_after_s)
        code = status or (told.status if told else 200)
        return self._with_cookie(request, visitor, HTMLResponse(html, code, headers=headers))

    def _visitor(self, request: Request) -> Visitor:
        return self._sessions.visitor(request.cookies.get(COOKIE))

    def _is_ours(self, request: Request, visitor: Visitor, form: Form) -> bool:
        return self._sessions.is_form_token(visitor, form["form_token"]) and is_own_page(request)

    def _with_cookie(self, request: Request, visitor: Visitor, response: Response) -> Response:
        if visitor.is_new:
            response.set_cookie(
                COOKIE,
                visitor.id,
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",
            )
        return response


def wants_json(request: Request) -> bool:
    """Whether a script asks."""
    return request.headers.get("accept", "").startswith("application/json")
