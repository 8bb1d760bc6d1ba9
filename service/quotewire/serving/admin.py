"""The methods of the admin port."""

from __future__ import annotations

from typing import Any

import grpc

from quotewire.errors import ConfigError, ModelNotFoundError
from quotewire.pb.v1 import admin_service_pb2 as admin_pb
from quotewire.pb.v1 import admin_service_pb2_grpc
from quotewire.serving.configuration import Configuration, Reloaded
from quotewire.serving.lifecycle import Lifecycle
from quotewire.serving.metrics import Metrics
from quotewire.serving.registry import ModelRegistry
from quotewire.serving.servicers import model_message

Context = grpc.aio.ServicerContext[Any, Any]


class AdminServicer(admin_service_pb2_grpc.AdminServiceServicer):
    """Steers the server."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        models: ModelRegistry,
        lifecycle: Lifecycle,
        metrics: Metrics,
    ) -> None:
        self._configuration = configuration
        self._models = models
        self._lifecycle = lifecycle
        self._metrics = metrics

    async def Reload(
        self, request: admin_pb.ReloadRequest, context: Context
    ) -> admin_pb.ReloadResponse:
        done = await reload(self._configuration, metrics=self._metrics)
        return admin_pb.ReloadResponse(
            models=[model_message(self._models, host) for host in self._models],
            loaded=done.loaded,
            removed=done.removed,
        )

    async def GetState(
        self, request: admin_pb.GetStateRequest, context: Context
    ) -> admin_pb.GetStateResponse:
        return admin_pb.GetStateResponse(
            phase=self._lifecycle.phase,
            calls=self._lifecycle.calls,
            models=[
                admin_pb.ModelState(
                    model=model_message(self._models, host),
                    queued_tokens=host.queued_tokens,
                    users=host.users,
                )
                for host in self._models
            ],
        )


async def reload(configuration: Configuration, *, metrics: Metrics) -> Reloaded:
    """Reloads and counts it.  Raises ConfigError or ModelFolderError, whatever was wrong."""
    try:
        done = await configuration.reload()
    except BaseException as error:
        metrics.reloaded(done=False)
        if isinstance(error, ModelNotFoundError):  # the operator's file, not a request's field
            raise ConfigError(f"models: {error}") from error
        raise
    metrics.reloaded(done=True)
    return done
