"""Between domain errors and ``google.rpc.Status``, both ways (docs/errors.md has the table).

Every status carries an ErrorInfo whose ``reason`` is one word a program can act on; a field
violation where the caller sent something unusable; a RetryInfo only where coming back helps.
"""

from __future__ import annotations

import logging
import math
import traceback
import uuid
from typing import TypeVar

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from quotewire.errors import (
    ConfigError,
    DeadlineError,
    DrainingError,
    InputError,
    ModelFolderError,
    ModelNotFoundError,
    OverloadedError,
    QuotewireError,
    RateLimitedError,
    ServiceError,
    StreamIdleError,
    UnauthenticatedError,
    UnavailableError,
)

logger = logging.getLogger(__name__)

DOMAIN = "quotewire"
# Where gRPC carries a rich status (a trailer).
STATUS_HEADER = "grpc-status-details-bin"
# Headers have room for some 8 KiB in all; a message is for a human and needs no more than this.
MAX_MESSAGE_CHARACTERS = 300

_Detail = TypeVar("_Detail", bound=Message)


def status_from_error(error: BaseException) -> Status:
    """The status that tells a caller what went wrong.

    An error that is no QuotewireError of the caller's concern becomes INTERNAL under an id which
    is logged with the stack, without the exception's message: that may quote an article.
    """
    match error:
        case InputError():
            violation = BadRequest.FieldViolation(
                field=_shorten(error.field),
                description=_shorten(f"got {error.value}; allowed: {error.allowed}"),
            )
            return _status(
                Code.INVALID_ARGUMENT,
                str(error),
                "INVALID_INPUT",
                BadRequest(field_violations=[violation]),
                field=error.field,
                value=error.value,
                allowed=error.allowed,
            )
        case ModelNotFoundError():
            return _status(
                Code.NOT_FOUND,
                str(error),
                "MODEL_NOT_FOUND",
                model=error.name,
                known=",".join(error.known),
            )
        case OverloadedError():
            delay = Duration()
            delay.FromNanoseconds(math.ceil(error.retry_after_s * 1e9))
            return _status(
                Code.RESOURCE_EXHAUSTED,
                str(error),
                "RATE_LIMITED" if isinstance(error, RateLimitedError) else "OVERLOADED",
                RetryInfo(retry_delay=delay),
            )
        case DrainingError():
            return _status(Code.UNAVAILABLE, str(error), "DRAINING")
        case UnavailableError():
            return _status(Code.UNAVAILABLE, str(error), "NOT_READY")
        case StreamIdleError():
            return _status(Code.DEADLINE_EXCEEDED, str(error), "STREAM_IDLE")
        case DeadlineError():
            return _status(Code.DEADLINE_EXCEEDED, str(error), "DEADLINE_EXCEEDED")
        case UnauthenticatedError():
            return _status(Code.UNAUTHENTICATED, str(error), "UNAUTHENTICATED")
        case ConfigError() | ModelFolderError():  # of a reload: what the operator has to mend
            return _status(Code.FAILED_PRECONDITION, str(error), "CONFIG_REFUSED")
    error_id = uuid.uuid4().hex[:12]
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("internal error %s: %s\n%s", error_id, type(error).__name__, frames)
    return _status(
        Code.INTERNAL,
        f"internal error {error_id}; the server's log has its cause under this id",
        "INTERNAL",
        error_id=error_id,
    )


def retry_pushback_ms(error: BaseException) -> int | None:
    """How long gRPC's own retries should wait (milliseconds), None for their usual backoff."""
    return math.ceil(error.retry_after_s * 1000) if isinstance(error, OverloadedError) else None


def error_from_status(status: Status) -> QuotewireError:
    """The domain error that a server's status stands for (the client's side)."""
    info = detail(status, ErrorInfo())
    reason = info.reason if info and info.domain == DOMAIN else ""
    metadata = dict(info.metadata) if info else {}
    match reason:
        case "INVALID_INPUT":
            return InputError(
                field=metadata["field"], value=metadata["value"], allowed=metadata["allowed"]
            )
        case "MODEL_NOT_FOUND":
            known = [name for name in metadata["known"].split(",") if name]
            return ModelNotFoundError(metadata["model"], known=known)
        case "OVERLOADED" | "RATE_LIMITED":
            retry = detail(status, RetryInfo())
            seconds = retry.retry_delay.ToNanoseconds() / 1e9 if retry else 1.0
            kind = RateLimitedError if reason == "RATE_LIMITED" else OverloadedError
            return kind(status.message, retry_after_s=seconds)
        case "UNAUTHENTICATED":
            return UnauthenticatedError(status.message)
        case "CONFIG_REFUSED":
            return ConfigError(status.message)
        case "DRAINING":
            return DrainingError(status.message)
        case "STREAM_IDLE":
            return StreamIdleError(status.message)
    # What gRPC itself says carries no ErrorInfo.
    match status.code:
        case Code.UNAVAILABLE:
            return UnavailableError(status.message)
        case Code.INTERNAL if status.message == "Internal error from Core":
            # grpc.aio's own, where a stream ended while its client was writing: it loses the
            # status that the server sent (grpc/grpc#36066), and asking again brings it back.
            return UnavailableError(f"{status.message}: the stream ended during a write")
        case Code.DEADLINE_EXCEEDED:
            return DeadlineError(status.message)
        case Code.RESOURCE_EXHAUSTED if "larger than max" in status.message:
            return InputError(
                field="request", value=status.message, allowed="a message within that limit"
            )
    name = Code.Name(status.code)
    return ServiceError(f"{name}: {status.message}", code=name, reason=reason)


def status_of_call(error: grpc.aio.AioRpcError) -> Status:
    """The rich status of a failed call, or code and message where it carries no rich one."""
    for key, value in error.trailing_metadata() or ():
        if key == STATUS_HEADER and isinstance(value, bytes):
            return Status.FromString(value)
    return Status(code=error.code().value[0], message=error.details() or "")


def reason_of(status: Status) -> str:
    """The one word a program can act on."""
    info = detail(status, ErrorInfo())
    return info.reason if info else ""


def detail(status: Status, into: _Detail) -> _Detail | None:
    """The status's first detail of ``into``'s type, read into it; None if it has none."""
    for packed in status.details:
        if packed.Unpack(into):
            return into
    return None


def _status(code: int, message: str, reason: str, *details: Message, **metadata: str) -> Status:
    info = ErrorInfo(
        reason=reason,
        domain=DOMAIN,
        metadata={key: _shorten(value) for key, value in metadata.items()},
    )
    packed = []
    for one in (info, *details):
        packed.append(Any())
        packed[-1].Pack(one)
    return Status(code=code, message=_shorten(message), details=packed)


def _shorten(text: str) -> str:
    if len(text) <= MAX_MESSAGE_CHARACTERS:
        return text
    return text[: MAX_MESSAGE_CHARACTERS - 1] + "…"
