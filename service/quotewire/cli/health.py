"""``quotewire health``: is a server ready?  For container health checks and scripts."""

from __future__ import annotations

from typing import Any

import click

from quotewire.cli.common import OutsideError
from quotewire.cli.connection import Connection, connection_options


@click.command()
@click.argument("server", metavar="[HOST:PORT]", default="localhost:50051")
@click.option(
    "--service",
    default="",
    metavar="NAME",
    help="Ask for one service (quotewire.v1.ExtractionService) instead of the whole server.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0.0, min_open=True),
    default=5.0,
    show_default=True,
    help="How long to wait for the answer, in seconds.",
)
@connection_options
def health(*, server: str, service: str, timeout_s: float, connection: Connection) -> None:
    """Ask a server whether it is ready.

    Prints its answer; the exit code is 0 for SERVING, else 1.  The server wants no token for this,
    but what stands in front of it may.
    """
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    metadata = connection.metadata()
    with connection.channel(server) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)  # its methods are made at run time
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = stub.Check(request, timeout=timeout_s, metadata=metadata)
        except grpc.RpcError as error:
            raise OutsideError(f"{server}: {error.code().name}: {error.details()}") from error
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise OutsideError(f"{server}: {status}")
    click.echo(status)
