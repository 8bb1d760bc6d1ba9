"""The methods of FeedbackService."""

from __future__ import annotations

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict

from quotewire.errors import ConfigError, InputError, OverloadedError, UnavailableError
from quotewire.experiments.feedback import CORRECTABLE, FeedbackStore, with_key
from quotewire.experiments.records import Feedback
from quotewire.pb.v1 import feedback_service_pb2 as pb
from quotewire.pb.v1 import feedback_service_pb2_grpc
from quotewire.serving.calls import CURRENT_CALL
from quotewire.serving.convert import MAX_ID_CODE_POINTS, VERDICTS
from quotewire.serving.metrics import Metrics

logger = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]

MAX_ROWS = 1000
MAX_CORRECTED_BYTES = 16_384
# How many calls may wait for the store, and when a refused one should come again (seconds).
_MAX_CALLS = 64
_RETRY_AFTER_S = 1.0

_VERDICTS = {number: verdict for verdict, number in VERDICTS.items()}


class FeedbackServicer(feedback_service_pb2_grpc.FeedbackServiceServicer):
    """Records what editors say; ``store`` None refuses."""

    def __init__(self, store: FeedbackStore | None, *, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        # The store blocks: on a disk, on a database.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feedback")
        self._calls = 0

    async def RecordFeedback(
        self, request: pb.RecordFeedbackRequest, context: Context
    ) -> pb.RecordFeedbackResponse:
        store = self._store
        if store is None:
            raise ConfigError(
                "experiments_log: this server has nowhere to record feedback; allowed: a folder or "
                "postgresql://…"
            )
        rows = rows_from_proto(request, caller=CURRENT_CALL.get().caller.name)
        if self._calls >= _MAX_CALLS:
            raise OverloadedError(
                f"{self._calls} calls wait for the feedback log", retry_after_s=_RETRY_AFTER_S
            )
        self._calls += 1
        try:
            known = await asyncio.get_running_loop().run_in_executor(
                self._thread, store.record, rows
            )
        except InputError:
            raise
        except Exception as error:  # a disk's or a driver's: anything
            logger.error("the feedback log cannot be written: %s", type(error).__name__)
            raise UnavailableError(
                "the feedback log cannot be written now; nothing was recorded"
            ) from error
        finally:
            self._calls -= 1
        for row, before in zip(rows, known, strict=True):
            self._metrics.feedback("duplicate" if before else row.verdict.value, client=row.caller)
        return pb.RecordFeedbackResponse(
            receipts=[
                pb.FeedbackReceipt(idempotency_key=row.key, duplicate=before)
                for row, before in zip(rows, known, strict=True)
            ]
        )

    async def close(self) -> None:
        """Waits for what is being recorded."""
        await asyncio.to_thread(self._thread.shutdown)
        if self._store is not None:
            await asyncio.to_thread(self._store.close)


def rows_from_proto(request: pb.RecordFeedbackRequest, *, caller: str) -> list[Feedback]:
    """Raises InputError naming the field."""
    if not 1 <= len(request.feedback) <= MAX_ROWS:
        raise InputError(
            field="feedback",
            value=f"{len(request.feedback)} verdicts",
            allowed=f"1 to {MAX_ROWS} verdicts",
        )
    now = datetime.now(UTC)
    return [
        _row(message, f"feedback[{index}]", caller=caller, now=now)
        for index, message in enumerate(request.feedback)
    ]


def _row(message: pb.Feedback, path: str, *, caller: str, now: datetime) -> Feedback:
    for name, required in (
        ("statement_id", True),
        ("article_id", True),
        ("editor_id", True),
        ("idempotency_key", False),
    ):
        length = len(getattr(message, name))
        if not int(required) <= length <= MAX_ID_CODE_POINTS:
            raise InputError(
                field=f"{path}.{name}",
                value=f"{length} code points",
                allowed=f"{int(required)} to {MAX_ID_CODE_POINTS} code points",
            )
    if message.verdict not in _VERDICTS:
        raise InputError(
            field=f"{path}.verdict",
            value=str(int(message.verdict)),
            allowed=", ".join(f"{name} ({n})" for name, n in pb.Verdict.items() if n in _VERDICTS),
        )
    return with_key(
        Feedback(
            key=message.idempotency_key,
            time=now,
            article_id=message.article_id,
            statement_id=message.statement_id,
            verdict=_VERDICTS[message.verdict],
            corrected=_corrected(message, f"{path}.corrected"),
            editor=message.editor_id,
            caller=caller,
        )
    )


def _corrected(message: pb.Feedback, path: str) -> dict[str, Any]:
    names = sorted(message.corrected.fields)
    wanted = message.verdict == pb.VERDICT_CORRECTED
    if bool(names) != wanted:
        raise InputError(
            field=path,
            value=f"{len(names)} fields",
            allowed="one or more with VERDICT_CORRECTED, none with another verdict",
        )
    if unknown := [name for name in names if name not in CORRECTABLE]:
        raise InputError(
            field=path, value=repr(unknown[0][:60]), allowed=f"the fields {', '.join(CORRECTABLE)}"
        )
    try:
        values: dict[str, Any] = _whole(MessageToDict(message.corrected))
        size = len(json.dumps(values, ensure_ascii=False, allow_nan=False).encode())
    except ValueError:  # NaN, infinity: no JSON
        raise InputError(
            field=path, value="a number that JSON has not", allowed="JSON values"
        ) from None
    if size > MAX_CORRECTED_BYTES:
        raise InputError(
            field=path, value=f"{size} bytes", allowed=f"at most {MAX_CORRECTED_BYTES} bytes"
        )
    return values


def _whole(value: Any) -> Any:
    """Struct knows floats only: whole numbers become whole again."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _whole(inner) for key, inner in value.items()}
        case list():
            return [_whole(inner) for inner in value]
    return value
