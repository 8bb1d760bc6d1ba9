"""The server behind the desk, over gRPC, on behalf of a visitor."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.struct_pb2 import Struct

from quotewire.errors import ConfigError, InputError, QuotewireError, ServiceError
from quotewire.pb.v1 import extraction_service_pb2 as service_pb
from quotewire.pb.v1 import (
    extraction_service_pb2_grpc,
    feedback_service_pb2_grpc,
    model_service_pb2_grpc,
)
from quotewire.pb.v1 import feedback_service_pb2 as feedback_pb
from quotewire.pb.v1 import model_service_pb2 as model_pb
from quotewire.serving import convert, status
from quotewire.types import Article, Extraction, ExtractOptions

# Deadlines of the calls that ask no model (seconds).
SHORT_S: Final = 10.0
# How long what a server said of its feedback log holds (seconds).
FEEDBACK_ASKED_S: Final = 300.0
# Whoever looks at a page is told at once what is wrong: nothing is tried again behind their back.
CHANNEL_OPTIONS: Final[tuple[tuple[str, Any], ...]] = (
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # A server that was gone for a while is found again within seconds.
    ("grpc.max_reconnect_backoff_ms", 2_000),
)
VERDICTS: Final[Mapping[str, feedback_pb.Verdict.ValueType]] = {
    "accepted": feedback_pb.VERDICT_ACCEPTED,
    "corrected": feedback_pb.VERDICT_CORRECTED,
    "rejected": feedback_pb.VERDICT_REJECTED,
}

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model of the server: ``tag`` is its ``name@version``."""

    tag: str
    aliases: tuple[str, ...]
    is_default: bool


class Service:
    """One channel for all visitors; every call carries its visitor's own token.

    ``credentials`` None means plain text.  All methods raise what docs/errors.md lists.
    """

    def __init__(self, target: str, *, credentials: grpc.ChannelCredentials | None = None) -> None:
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(target, credentials, options=CHANNEL_OPTIONS)
        self._extraction = extraction_service_pb2_grpc.ExtractionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)
        self._feedback = feedback_service_pb2_grpc.FeedbackServiceStub(self._channel)
        # Whether the server takes feedback, and when it said so (time.monotonic() seconds).
        self._asked: tuple[bool, float] | None = None

    async def close(self) -> None:
        """Ends all calls and the connection."""
        await self._channel.close()

    async def extract(
        self, article: Article, *, model: str, token: str | None, timeout_s: float
    ) -> Extraction:
        """Statements and attitudes, of every confidence: the page chooses among them."""
        request = service_pb.ExtractRequest(
            article=convert.article_to_proto(article),
            options=convert.options_to_proto(ExtractOptions(all_acts=True)),
            model=model,
        )
        response = await _answer(
            self._extraction.Extract(request, timeout=timeout_s, metadata=_metadata(token))
        )
        return convert.extraction_from_proto(response.extraction)

    async def models(self, *, token: str | None) -> list[ModelChoice]:
        """All models of the server, its default first."""
        response = await _answer(
            self._models.ListModels(
                model_pb.ListModelsRequest(), timeout=SHORT_S, metadata=_metadata(token)
            )
        )
        return [
            ModelChoice(f"{model.name}@{model.version}", tuple(model.aliases), model.is_default)
            for model in response.models
        ]

    async def takes_feedback(self, *, token: str | None) -> bool:
        """Whether the server records verdicts, asked now and then; False, too, where it cannot be
        asked now."""
        now = time.monotonic()
        if self._asked is not None and now - self._asked[1] < FEEDBACK_ASKED_S:
            return self._asked[0]
        try:
            # A list of none is refused as unusable input where there is a log to write to.
            await _answer(
                self._feedback.RecordFeedback(
                    feedback_pb.RecordFeedbackRequest(), timeout=SHORT_S, metadata=_metadata(token)
                )
            )
        except InputError:
            self._asked = True, now
        except (ConfigError, ServiceError):  # nowhere to record, or an older server
            self._asked = False, now
        except QuotewireError:
            return False
        return self._asked is not None and self._asked[0]

    async def record(
        self,
        *,
        article_id: str,
        statement_id: str,
        verdict: str,
        corrected: Mapping[str, Any],
        editor: str,
        token: str | None,
    ) -> None:
        """Records one verdict (a key of VERDICTS).

        Each gets a key of its own: who accepts, rejects and accepts again has accepted.
        """
        message = feedback_pb.Feedback(
            idempotency_key=uuid.uuid4().hex,
            statement_id=statement_id,
            article_id=article_id,
            verdict=VERDICTS[verdict],
            editor_id=editor,
        )
        if corrected:
            fields = Struct()
            fields.update(dict(corrected))
            message.corrected.CopyFrom(fields)
        await _answer(
            self._feedback.RecordFeedback(
                feedback_pb.RecordFeedbackRequest(feedback=[message]),
                timeout=SHORT_S,
                metadata=_metadata(token),
            )
        )


def _metadata(token: str | None) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),) if token else ()


async def _answer(call: grpc.aio.UnaryUnaryCall[Any, _Answer]) -> _Answer:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise status.error_from_status(status.status_of_call(error)) from error
