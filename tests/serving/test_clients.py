"""Who may call, and how much: tokens, names and rates."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc

from quotewire.client import Client
from quotewire.errors import ConfigError, RateLimitedError, UnauthenticatedError
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1.extraction_service_pb2 import (
    BatchExtractRequest,
    ExtractRequest,
    ExtractStreamRequest,
)
from quotewire.serving.clients import ANONYMOUS, Clients, TokenBucket, read_clients
from quotewire.serving.status import detail
from quotewire.types import Article
from tests.serving.harness import (
    PATIENCE_S,
    STORY,
    Running,
    error_info,
    rich_status,
    running,
)

DESK, ARCHIVE, SLOW = "desk-token-0123456789", "archive-token-0123456789", "slow-token-0123456789"
REQUEST = ExtractRequest(article=pb.Article(text=STORY))


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def written(folder: Path, content: str) -> Path:
    path = folder / "clients.toml"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("clients")
    (folder / "archive.token").write_text(ARCHIVE + "\n", encoding="utf-8")
    digest = hashlib.sha256(SLOW.encode()).hexdigest()
    path = written(
        folder,
        '[[clients]]\nname = "archive"\ntoken_file = "archive.token"\n'
        f'[[clients]]\nname = "slow"\ntoken_sha256 = "{digest}"\n'
        "articles_per_s = 0.001\nburst = 2\n",
    )
    with running(clients_file=path, tokens=(f"desk:{DESK}",), max_batch_articles=10) as server:
        yield server


@pytest.mark.parametrize("token", [DESK, ARCHIVE])
def test_a_known_token_is_let_in(server: Running, token: str) -> None:
    answer = server.extraction.Extract(REQUEST, timeout=PATIENCE_S, metadata=bearer(token))
    assert len(answer.extraction.statements) == 3


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", ""),),
        (("authorization", f"Basic {DESK}"),),
        (("authorization", "Bearer "),),
        bearer(DESK + "x"),
        bearer(DESK[:-1]),
        bearer(hashlib.sha256(SLOW.encode()).hexdigest()),
    ],
)
def test_others_are_not(
    server: Running, metadata: tuple[tuple[str, str], ...], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for call in (
        lambda: server.extraction.Extract(REQUEST, timeout=PATIENCE_S, metadata=metadata),
        lambda: list(
            server.extraction.ExtractStream(
                iter([ExtractStreamRequest(article=pb.Article(text=STORY))]),
                timeout=PATIENCE_S,
                metadata=metadata,
            )
        ),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        status = rich_status(caught.value)
        assert error_info(status).reason == "UNAUTHENTICATED"
        assert DESK[:-1] not in str(status)
    assert "-token-" not in caplog.text


def test_probes_need_no_token(server: Running) -> None:
    stub = health_pb2_grpc.HealthStub(server.channel)
    answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_the_python_client_shows_its_token(server: Running) -> None:
    with Client(server.target, token=DESK) as client:
        assert len(client.extract(STORY).statements) == 3
        assert client.models()
        assert client.model()
        assert len(client.batch([Article("a", STORY)])) == 1
        assert len(list(client.extract_stream([Article("a", STORY)]))) == 1
    with Client(server.target) as client, pytest.raises(UnauthenticatedError):
        client.extract(STORY)


def test_a_rate_is_kept_for_its_client_only(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[[clients]]\nname = "slow"\narticles_per_s = 0.001\nburst = 2\n'
        f'token_sha256 = "{hashlib.sha256(SLOW.encode()).hexdigest()}"\n',
    )
    with running(clients_file=path, tokens=(f"desk:{DESK}",)) as server:

        def extract(token: str) -> None:
            server.extraction.Extract(REQUEST, timeout=PATIENCE_S, metadata=bearer(token))

        extract(SLOW)
        extract(SLOW)
        with pytest.raises(grpc.RpcError) as caught:
            extract(SLOW)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        status = rich_status(caught.value)
        assert error_info(status).reason == "RATE_LIMITED"
        retry = detail(status, RetryInfo())
        assert retry is not None
        assert 900 < retry.retry_delay.ToTimedelta().total_seconds() <= 1000
        with pytest.raises(grpc.RpcError, match="'slow' may send"):
            server.extraction.BatchExtract(
                BatchExtractRequest(articles=[pb.Article(text=STORY)]),
                timeout=PATIENCE_S,
                metadata=bearer(SLOW),
            )
        for _ in range(3):
            extract(DESK)


def test_a_stream_is_slowed_down_instead(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[[clients]]\nname = "slow"\narticles_per_s = 50\nburst = 1\n'
        f'token_sha256 = "{hashlib.sha256(SLOW.encode()).hexdigest()}"\n',
    )
    with running(clients_file=path) as server, Client(server.target, token=SLOW) as client:
        articles = [Article(f"a{n}", STORY) for n in range(5)]
        answers = list(client.extract_stream(articles))
        assert [answer.error for answer in answers] == [None] * 5


def test_tokens_of_the_environment_have_no_limit() -> None:
    caller = Clients(read_clients(None, tokens=(f"desk:{DESK}",))).identify(bearer(DESK))
    assert caller.name == "desk"
    assert [caller.wait_s(10_000) for _ in range(3)] == [0, 0, 0]


def test_a_bucket_is_paid_off() -> None:
    bucket = TokenBucket(articles_per_s=0.01, burst=10)
    assert bucket.take(10) == 0
    assert 99 <= bucket.take(1) <= 100
    generous = TokenBucket(articles_per_s=1e9, burst=1)
    assert [generous.take(5) for _ in range(3)] == [0, 0, 0], "a batch beyond the burst is let in"


def test_nobody_configured_means_everybody() -> None:
    clients = Clients()
    assert clients.identify(()).name == ANONYMOUS
    assert clients.identify((), certificate_name="desk").name == "desk"


def test_a_reload_keeps_the_buckets_of_unchanged_clients(tmp_path: Path) -> None:
    content = (
        '[[clients]]\nname = "slow"\narticles_per_s = 0.001\nburst = 1\n'
        f'token_sha256 = "{hashlib.sha256(SLOW.encode()).hexdigest()}"\n'
    )
    path = written(tmp_path, content)
    clients = Clients(read_clients(path))
    clients.identify(bearer(SLOW)).spend()
    clients.replace(read_clients(path))
    with pytest.raises(RateLimitedError):
        clients.identify(bearer(SLOW)).spend()
    clients.replace(read_clients(written(tmp_path, content.replace("0.001", "1000"))))
    clients.identify(bearer(SLOW)).spend()


ROW = '[[clients]]\nname = "a"\n'
DIGEST = f'token_sha256 = "{"0" * 64}"\n'


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[[", "no TOML"),
        ("", "clients: allowed"),
        ("users = 1", "unknown key 'users'"),
        ("[[clients]]\n" + DIGEST, r"clients\[0\]: name: got None"),
        (ROW, "either token_file or token_sha256"),
        (ROW + 'token = "secret"', "unknown key 'token'"),
        (ROW + 'token_sha256 = "secret-secret"', "token_sha256: allowed: 64"),
        (ROW + 'token_file = "none"', "token file .*none"),
        (ROW + DIGEST + "articles_per_s = 0", "articles_per_s: got 0"),
        (ROW + DIGEST + "burst = 3", "burst: got 3"),
        (ROW + DIGEST + ROW + DIGEST.replace("0", "1"), "two have the same name"),
        (ROW + DIGEST + ROW.replace('"a"', '"b"') + DIGEST, "two have the same token"),
    ],
)
def test_a_mistake_is_named_without_any_secret(
    tmp_path: Path, content: str, complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        read_clients(written(tmp_path, content))
    assert "secret" not in re.sub("unknown key.*", "", str(caught.value))


@pytest.mark.parametrize("pair", ["secret-0123456789abcdef", "a:short", ":secret-0123456789abcdef"])
def test_a_bad_pair_of_the_environment_is_named_by_its_place(pair: str) -> None:
    with pytest.raises(ConfigError, match="tokens, number 2") as caught:
        read_clients(None, tokens=("good:0123456789abcdef", pair))
    assert "secret" not in str(caught.value)
