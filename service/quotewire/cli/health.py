"""``quotewire health``: is a server ready?  For container health checks and scripts."""

from __future__ import annotations

from typing import Any

import click

from quotewire.cli.common import OutsideError


@click.command()
@click.argument("server", metavar="[HOST:PORT]", default="localhost:50051")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0.0, min_open=True),
    default=5.0,
    show_default=True,
    help="How long to wait for the answer, in seconds.",
)
def health(*, server: str, timeout_s: float) -> None:
    """Ask a server whether it is ready.

    Prints its answer; the exit code is 0 for SERVING, else 1.
    """
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(server) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)  # its methods are made at run time
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=timeout_s)
        except grpc.RpcError as error:
            raise OutsideError(f"{server}: {error.code().name}: {error.details()}") from error
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise OutsideError(f"{server}: {status}")
    click.echo(status)
