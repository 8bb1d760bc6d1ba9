"""Domain errors as statuses, and back."""

from __future__ import annotations

import logging

import pytest
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

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
    StreamIdleError,
    UnauthenticatedError,
    UnavailableError,
)
from quotewire.serving.status import (
    detail,
    error_from_status,
    retry_pushback_ms,
    status_from_error,
)
from tests.serving.harness import error_info, violated_field

SECRET = "the text of an article"

ERRORS: list[tuple[QuotewireError, int, str]] = [
    (
        InputError(field="article.text", value="9 bytes", allowed="at most 8 bytes"),
        Code.INVALID_ARGUMENT,
        "INVALID_INPUT",
    ),
    (ModelNotFoundError("x", known=["a@1", "b@2"]), Code.NOT_FOUND, "MODEL_NOT_FOUND"),
    (ModelNotFoundError("x", known=[]), Code.NOT_FOUND, "MODEL_NOT_FOUND"),
    (OverloadedError("full", retry_after_s=1.25), Code.RESOURCE_EXHAUSTED, "OVERLOADED"),
    (RateLimitedError("hasty", retry_after_s=2.0), Code.RESOURCE_EXHAUSTED, "RATE_LIMITED"),
    (UnauthenticatedError("who?"), Code.UNAUTHENTICATED, "UNAUTHENTICATED"),
    (ConfigError("models: none"), Code.FAILED_PRECONDITION, "CONFIG_REFUSED"),
    (DrainingError("bye"), Code.UNAVAILABLE, "DRAINING"),
    (UnavailableError("not yet"), Code.UNAVAILABLE, "NOT_READY"),
    (DeadlineError("too late"), Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
    (StreamIdleError("silence"), Code.DEADLINE_EXCEEDED, "STREAM_IDLE"),
]


@pytest.mark.parametrize(("error", "code", "reason"), ERRORS, ids=lambda value: str(value)[:30])
def test_an_error_survives_the_wire(error: QuotewireError, code: int, reason: str) -> None:
    status = Status.FromString(status_from_error(error).SerializeToString())
    assert status.code == code
    assert error_info(status).reason == reason
    back = error_from_status(status)
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


def test_only_overload_says_when_to_come_again() -> None:
    for error, code, _ in ERRORS:
        retry = detail(status_from_error(error), RetryInfo())
        assert (retry is not None) == (code == Code.RESOURCE_EXHAUSTED)
        assert (retry_pushback_ms(error) is not None) == (code == Code.RESOURCE_EXHAUSTED)
    assert retry_pushback_ms(OverloadedError("full", retry_after_s=1.25)) == 1250


def test_input_errors_name_their_field() -> None:
    assert violated_field(status_from_error(ERRORS[0][0])) == "article.text"


def test_an_unexpected_error_tells_neither_caller_nor_log_its_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def digest() -> None:
        raise RuntimeError(SECRET)

    with caplog.at_level(logging.ERROR), pytest.raises(RuntimeError) as caught:
        digest()
    with caplog.at_level(logging.ERROR):
        status = status_from_error(caught.value)
    assert status.code == Code.INTERNAL
    error_id = error_info(status).metadata["error_id"]
    assert error_id in status.message
    assert error_id in caplog.text, "the log finds the cause under the caller's id"
    assert "RuntimeError" in caplog.text
    assert "digest" in caplog.text, "the stack is logged"
    assert SECRET not in str(status)
    assert SECRET not in caplog.text.replace(f'raise RuntimeError("{SECRET}")', "")
    back = error_from_status(status)
    assert isinstance(back, ServiceError)
    assert (back.code, back.reason) == ("INTERNAL", "INTERNAL")


def test_long_values_stay_within_a_header() -> None:
    error = InputError(field="f" * 10_000, value="v" * 10_000, allowed="a" * 10_000)
    assert len(status_from_error(error).SerializeToString()) < 6_000


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (Code.UNAVAILABLE, "connection refused", UnavailableError),
        (Code.DEADLINE_EXCEEDED, "Deadline Exceeded", DeadlineError),
        (Code.RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 8)", InputError),
        (Code.UNIMPLEMENTED, "Method not found!", ServiceError),
        (Code.INTERNAL, "Internal error from Core", UnavailableError),
    ],
)
def test_what_grpc_itself_says_is_understood(
    code: Code, message: str, kind: type[QuotewireError]
) -> None:
    error = error_from_status(Status(code=code, message=message))
    assert type(error) is kind
    assert message in str(error)
