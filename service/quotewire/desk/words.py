"""What went wrong, as one sentence on the page and an HTTP status."""

from __future__ import annotations

import math
from dataclasses import dataclass

from quotewire.errors import (
    ConfigError,
    DeadlineError,
    DrainingError,
    InputError,
    ModelNotFoundError,
    OverloadedError,
    QuotewireError,
    RateLimitedError,
    ServiceError,
    UnauthenticatedError,
    UnavailableError,
)

# What a field of a request is called on the page.
_FIELDS = {
    "article.text": "The article’s text",
    "article.title": "The headline",
    "article.publisher": "The publisher",
    "file": "The file",
    "request": "What was sent",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """``sentence`` is for a reader; ``retry_after_s`` (whole seconds) says when to come again."""

    sentence: str
    status: int
    retry_after_s: int | None = None
    wants_token: bool = False


def trouble(error: QuotewireError) -> Trouble:
    """Every error that a call can end with; never an address or a stack of ours."""
    match error:
        case InputError():
            what = _FIELDS.get(error.field, error.field)
            status = 413 if "bytes" in error.allowed else 422
            return Trouble(
                f"{what} cannot be used: it is {error.value}; allowed: {error.allowed}.", status
            )
        case ModelNotFoundError():
            known = ", ".join(error.known) or "none"
            return Trouble(
                f"The server has no model “{error.name}”. It has: {known}. Choose another one.", 404
            )
        case RateLimitedError():
            wait = math.ceil(error.retry_after_s)
            return Trouble(
                f"You have sent more articles than your token allows. Try again in {_span(wait)}.",
                429,
                retry_after_s=wait,
            )
        case OverloadedError():
            wait = max(math.ceil(error.retry_after_s), 1)
            return Trouble(
                f"The server is busy. Try again in {_span(wait)}; your article is still here.",
                503,
                retry_after_s=wait,
            )
        case UnauthenticatedError():
            return Trouble(
                "The server does not know this token, or no longer does. Enter a valid one.",
                401,
                wants_token=True,
            )
        case DrainingError():
            return Trouble("The server is shutting down. Try again in a minute.", 503)
        case UnavailableError():
            return Trouble(
                "The server cannot be reached, or is still loading its models. Try again in a "
                "moment; your article is still here.",
                503,
            )
        case DeadlineError():
            return Trouble(
                "No answer came in time. Try again later, or with a shorter article.", 504
            )
        case ServiceError():
            return Trouble(f"The server failed: {error}. Its log says why.", 502)
        case ConfigError():
            return Trouble(f"The server refused: {error}.", 409)
    return Trouble(f"Something went wrong: {error}.", 500)


def _span(seconds: int) -> str:
    if seconds >= 120:
        return f"{math.ceil(seconds / 60)} minutes"
    return "1 second" if seconds == 1 else f"{seconds} seconds"
