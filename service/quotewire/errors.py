"""The exceptions that the domain raises.  Standard library only.

Domain code raises these and knows no transport; the server's one interceptor and the command line
translate them, once, at the edge.
"""

from __future__ import annotations


class QuotewireError(Exception):
    """Root of all exceptions that Quotewire raises on purpose."""


class InputError(QuotewireError):
    """The caller sent something that cannot be used: names the field, the value and the range.

    ``field`` is a dotted path as the caller wrote it (``article.text``), ``value`` a short
    printable form (never a whole text), ``allowed`` the range in words.
    """

    def __init__(self, *, field: str, value: str, allowed: str) -> None:
        self.field = field
        self.value = value
        self.allowed = allowed
        super().__init__(f"{field}: got {value}; allowed: {allowed}")


class ModelNotFoundError(QuotewireError):
    """No model of that name, version or alias is loaded (or lies in the model folders)."""

    def __init__(self, name: str, *, known: list[str]) -> None:
        self.name = name
        self.known = known
        super().__init__(f"model {name!r} not found; known: {', '.join(known) or 'none'}")


class ModelFolderError(QuotewireError):
    """A model folder is broken: names the file and what is wrong with it."""


class ConfigError(QuotewireError):
    """A configuration file or setting is wrong: names the key, the value and the range."""


class OverloadedError(QuotewireError):
    """The service cannot take this now; ``retry_after_s`` says when to come again (seconds)."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class RateLimitedError(OverloadedError):
    """This client asked for more than it may; ``retry_after_s`` says when to come again."""


class UnauthenticatedError(QuotewireError):
    """The server wants to know who calls: no token was sent, or none that it knows."""


class UnavailableError(QuotewireError):
    """The service cannot be reached or is not ready yet; the same call may work later."""


class DrainingError(UnavailableError):
    """The service is shutting down and takes no new work; another replica may."""


class DeadlineError(QuotewireError):
    """The answer did not come within the caller's own deadline."""


class StreamIdleError(DeadlineError):
    """The service ended a stream on which nothing moved; another one may be begun."""


class ServiceError(QuotewireError):
    """The service failed in a way that is not the caller's fault.

    ``code`` is the gRPC status code's name (``INTERNAL``), ``reason`` the service's own word for
    it, or empty where it gave none.
    """

    def __init__(self, message: str, *, code: str, reason: str = "") -> None:
        self.code = code
        self.reason = reason
        super().__init__(message)
