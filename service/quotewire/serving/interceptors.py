"""The server's edge: what every call of ours passes, once.

Requests are measured before they are read, so that a message too large or malformed is the
caller's fault with a field violation (left to gRPC, the one would look like overload and the other
like a broken server); calls are counted and refused while the server starts or drains; and
whatever the domain raises becomes a status here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from quotewire.errors import InputError, QuotewireError
from quotewire.serving.lifecycle import Lifecycle
from quotewire.serving.status import retry_pushback_ms, status_from_error

# gRPC's own retries wait as long as this trailer says (a number, milliseconds).
PUSHBACK_HEADER = "grpc-retry-pushback-ms"


@dataclass(frozen=True, slots=True)
class Unusable:
    """Stands where a request message should: what is wrong with it."""

    error: InputError


class Edge(grpc.aio.ServerInterceptor):
    """Wraps the methods of our own services; health and reflection pass untouched."""

    def __init__(self, lifecycle: Lifecycle, *, max_request_bytes: int) -> None:
        self._lifecycle = lifecycle
        self._max_request_bytes = max_request_bytes

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith("/quotewire."):
            return handler
        read = self._measured(handler.request_deserializer)
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(
                self._guarded(handler.unary_unary, unary=True), read, handler.response_serializer
            )
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(
                self._guarded(handler.stream_stream, unary=False), read, handler.response_serializer
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
        self, method: Callable[[Any, Any], Awaitable[Any]], *, unary: bool
    ) -> Callable[[Any, Any], Awaitable[Any]]:
        async def guarded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            try:
                with self._lifecycle.call():
                    if unary and isinstance(request, Unusable):
                        raise request.error
                    return await method(request, context)
            except grpc.aio.AbortError:
                raise
            except Exception as error:
                cause = _first(error)
                if context.cancelled() and not isinstance(cause, QuotewireError):
                    raise  # nobody is left to be told
                await _abort(context, status_from_error(cause), retry_pushback_ms(cause))

        return guarded


def _first(error: BaseException) -> BaseException:
    """The first error of a task group's, or the error itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _abort(
    context: grpc.aio.ServicerContext[Any, Any], status: Status, pushback_ms: int | None
) -> None:
    rpc = rpc_status.to_status(status)
    metadata = list(rpc.trailing_metadata)
    if pushback_ms is not None:
        metadata.append((PUSHBACK_HEADER, str(pushback_ms)))
    await context.abort(rpc.code, rpc.details, trailing_metadata=tuple(metadata))
