"""The server's edge: what every call of ours passes, once.

Requests are measured before they are read, so that a message too large or malformed is the
caller's fault with a field violation (left to gRPC, the one would look like overload and the other
like a broken server); whoever calls must be known; calls are counted, logged, measured and refused
while the server starts or drains; and whatever the domain raises becomes a status here and nowhere
else.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from structlog.contextvars import bound_contextvars

from quotewire.errors import DeadlineError, InputError, QuotewireError
from quotewire.serving.calls import CURRENT_CALL, Call
from quotewire.serving.clients import Caller, Clients
from quotewire.serving.lifecycle import Lifecycle
from quotewire.serving.metrics import Metrics
from quotewire.serving.status import reason_of, retry_pushback_ms, status_from_error
from quotewire.serving.tracing import Tracing

logger = logging.getLogger(__name__)

# gRPC's own retries wait as long as this trailer says (a number, milliseconds).
PUSHBACK_HEADER = "grpc-retry-pushback-ms"
# The caller's own id of a request, or the one that it gets; in logs, traces and a trailer.
REQUEST_ID_HEADER = "x-request-id"
# The trailer that tells where the time went.
TIMING_HEADER = "server-timing"
# A caller that has not shown who it is.
UNKNOWN = Caller("unknown")

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class Unusable:
    """Stands where a request message should: what is wrong with it."""

    error: InputError


class Edge(grpc.aio.ServerInterceptor):
    """Wraps the methods of our own services; health and reflection pass untouched.

    ``lifecycle`` None takes calls in every phase (the admin port).  ``max_call_s`` bounds the time
    of calls that are no streams.
    """

    def __init__(
        self,
        lifecycle: Lifecycle | None,
        *,
        clients: Clients,
        metrics: Metrics,
        tracing: Tracing,
        max_request_bytes: int,
        max_call_s: float | None = None,
    ) -> None:
        self._lifecycle = lifecycle
        self._clients = clients
        self._metrics = metrics
        self._tracing = tracing
        self._max_request_bytes = max_request_bytes
        self._max_call_s = max_call_s

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith("/quotewire."):
            return handler
        name = handler_call_details.method
        read = self._measured(handler.request_deserializer)
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(
                self._guarded(name, handler.unary_unary, unary=True),
                read,
                handler.response_serializer,
            )
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(
                self._guarded(name, handler.stream_stream, unary=False),
                read,
                handler.response_serializer,
            )
        raise NotImplementedError(f"no edge for the shape of {handler_call_details.method}")

    def _measured(self, read: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        def measured(data: bytes) -> Any:
            if len(data) > self._max_request_bytes:
                return Unusable(
                    InputError(
                        field="request",
                        value=f"{len(data)} bytes",
                        allowed=f"at most {self._max_request_bytes} bytes "
                        "(the server's max_request_bytes)",
                    )
                )
            try:
                return read(data)
            except DecodeError:
                return Unusable(
                    InputError(
                        field="request",
                        value=f"{len(data)} bytes that are no such message",
                        allowed="a message of the contract quotewire.v1, strings in UTF-8",
                    )
                )

        return measured

    def _guarded(
        self, name: str, method: Callable[[Any, Any], Awaitable[Any]], *, unary: bool
    ) -> Callable[[Any, Any], Awaitable[Any]]:
        _, service, short_name = name.split("/")

        async def guarded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            metadata = tuple(context.invocation_metadata() or ())
            call = Call(service, short_name, _request_id(metadata), UNKNOWN)
            CURRENT_CALL.set(call)
            with (
                bound_contextvars(request_id=call.request_id),
                self._metrics.in_progress(call.method),
                self._tracing.call(call, metadata),
            ):
                try:
                    call.caller = self._clients.identify(
                        metadata, certificate_name=_certificate_name(context)
                    )
                    with self._counted():
                        if unary and isinstance(request, Unusable):
                            raise request.error
                        answer = await self._in_time(method(request, context), unary=unary)
                except asyncio.CancelledError:
                    self._metrics.cancelled(call)
                    self._ended(call, grpc.StatusCode.CANCELLED)
                    raise
                except Exception as error:
                    cause = _first(error)
                    # InternalError: what grpc.aio raises from a write to a client that has gone.
                    gone = isinstance(cause, grpc.aio.InternalError) or (
                        context.cancelled() and not isinstance(cause, QuotewireError)
                    )
                    if gone:
                        self._metrics.cancelled(call)
                        self._ended(call, grpc.StatusCode.CANCELLED)
                        # Nobody is left to be told; of any other error gRPC logs the stack.
                        raise asyncio.CancelledError from None
                    await self._abort(call, context, cause)
                else:
                    context.set_trailing_metadata(_trailers(call))
                    self._ended(call, grpc.StatusCode.OK)
                    return answer

        return guarded

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._lifecycle is None:
            yield
        else:
            with self._lifecycle.call():
                yield

    async def _in_time(self, work: Awaitable[Any], *, unary: bool) -> Any:
        limit = asyncio.timeout(self._max_call_s if unary else None)
        try:
            async with limit:
                return await work
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineError(
                f"no answer within the {self._max_call_s:g} s that this server gives a call"
            ) from None

    async def _abort(
        self, call: Call, context: grpc.aio.ServicerContext[Any, Any], cause: BaseException
    ) -> None:
        status = status_from_error(cause)
        rpc = rpc_status.to_status(status)
        self._metrics.failed(
            reason_of(status), client=call.caller.name, model=call.model, variant=call.variant
        )
        self._ended(call, rpc.code, status=status)
        metadata = [*rpc.trailing_metadata, *_trailers(call)]
        if (pushback_ms := retry_pushback_ms(cause)) is not None:
            metadata.append((PUSHBACK_HEADER, str(pushback_ms)))
        await context.abort(rpc.code, rpc.details, trailing_metadata=tuple(metadata))

    def _ended(self, call: Call, code: grpc.StatusCode, *, status: Status | None = None) -> None:
        failed = code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
        self._metrics.call_ended(call, code=code.name)
        self._tracing.call_ended(call, code=int(code.value[0]), failed=failed)
        facts: dict[str, object] = {
            "method": call.method,
            "client": call.caller.name,
            "code": code.name,
            "ms": round(1000 * call.seconds, 3),
            "models": sorted(call.models or filter(None, {call.asked})),
            "articles": call.articles,
            "statements": call.statements,
        }
        if status is not None:
            facts["reason"] = reason_of(status)
        logger.info("call", extra=facts)


def _request_id(metadata: Sequence[tuple[str, str | bytes]]) -> str:
    """The caller's own, where it is a short printable word, or a new one."""
    for key, value in metadata:
        if key == REQUEST_ID_HEADER and isinstance(value, str) and _REQUEST_ID.fullmatch(value):
            return value
    return uuid.uuid4().hex


def _certificate_name(context: grpc.aio.ServicerContext[Any, Any]) -> str | None:
    """The common name of the certificate that a client has shown (mTLS)."""
    names = context.auth_context().get("x509_common_name", ())
    return next((name.decode("utf-8", "replace") for name in names), None)


def _trailers(call: Call) -> tuple[tuple[str, str], ...]:
    return ((REQUEST_ID_HEADER, call.request_id), (TIMING_HEADER, call.timings.header()))


def _first(error: BaseException) -> BaseException:
    """The first error of a task group's, or the error itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
