"""What every request and every answer passes: whose site this is, and what its pages may do."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Nothing inline, nothing from elsewhere, and no markup made of strings.
CONTENT_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS: Final = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")


class Guard:
    """An ASGI application around another one: adds the headers, refuses foreign names."""

    def __init__(self, app: Callable[..., Awaitable[None]], *, local_only: bool) -> None:
        self._app = app
        self._local_only = local_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                # Articles and form tokens belong into no cache.
                headers.setdefault("cache-control", "no-store")
            await send(message)

        if self._local_only and not _is_local(Headers(scope=scope).get("host", "")):
            refused = PlainTextResponse(
                "This desk listens on this machine only: call it localhost.\n", 421
            )
            await refused(scope, receive, guarded)
            return
        try:
            await self._app(scope, receive, guarded)
        except Exception as error:
            # The page that says so is sent.  Never the error's message: it may quote an article.
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("the desk failed: %s\n%s", type(error).__name__, frames)


def is_own_page(request: Request) -> bool:
    """Whether one of our own pages sent this, as far as the browser says."""
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _is_local(host: str) -> bool:
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name.lower() in _LOCAL_NAMES
