"""The TypeScript client of examples/typescript, run by Node.js against a real server."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from quotewire.serving.channels import SERVICE_CONFIG
from quotewire.serving.server import SERVICES
from tests.conftest import ROOT
from tests.fakes import fake_extractor
from tests.serving.harness import POISON, STORY, STORY_QUOTES, PoisonedModel, Running, running

EXAMPLE = ROOT / "examples" / "typescript"
# Longer than any machine needs: building and starting Node.js on a busy one takes a while.
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def built() -> Path:
    """The compiled client; type errors fail here."""
    if not shutil.which("node") or not (EXAMPLE / "node_modules").exists():
        reason = "needs Node.js 20 or newer, and `make typescript` for what npm brings"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    result = subprocess.run(
        ["npm", "run", "--silent", "build"],
        cwd=EXAMPLE,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return EXAMPLE / "dist" / "main.js"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(fake_extractor(model=PoisonedModel()), max_text_bytes=100_000) as server:
        yield server


def ask(
    main: Path, target: str, articles: list[dict[str, Any]], **environment: str
) -> tuple[list[dict[str, Any]], subprocess.CompletedProcess[str]]:
    """The client's lines by the articles' order, and how its process ended."""
    result = subprocess.run(
        ["node", str(main), target],
        # ensure_ascii: lone surrogates travel as JSON escapes.
        input="".join(json.dumps(article) + "\n" for article in articles),
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    order = [article["id"] for article in articles]
    return sorted(lines, key=lambda line: order.index(line["id"])), result


def test_javascript_s_string_indexes_cut_out_the_words(built: Path, server: Running) -> None:
    """STORY has characters of two UTF-16 units before and inside the quotes."""
    [line], result = ask(built, server.target, [{"id": "a", "text": STORY}])
    assert (result.returncode, line["error"], line["model"]) == (0, None, "fake@1.0.0")
    statements = line["statements"]
    assert [statement["quote"] for statement in statements] == STORY_QUOTES
    assert [statement["cue"] for statement in statements] == ["told", "said", "told"]
    assert [statement["speaker"] for statement in statements] == ["Smith", "Jones", "Brown"]
    assert [statement["through"] for statement in statements] == [["Reuters"], [], []]
    assert STORY.encode("utf-16-le") != STORY.encode("utf-16-le")[: 2 * len(STORY)]


def test_hundreds_of_articles_pass_with_bounded_room(built: Path, server: Running) -> None:
    articles = [{"id": f"a{n}", "text": f"🧵{n} 👩‍👩‍👧\nLee said number {n}."} for n in range(300)]
    lines, result = ask(built, server.target, articles)
    assert result.returncode == 0, result.stderr
    assert [line["statements"][0]["quote"] for line in lines] == [f"number {n}" for n in range(300)]


def test_each_bad_article_has_its_own_error_and_the_others_their_answers(
    built: Path, server: Running
) -> None:
    articles = [
        {"id": "good", "text": STORY},
        {"id": "surrogate", "text": "Lee said \ud800 no."},
        {"id": "poison", "text": POISON},
        {"id": "long", "text": "x" * 100_001},
        {"id": "last", "text": STORY},
    ]
    lines, result = ask(built, server.target, articles)
    assert result.returncode == 1
    reasons = [line["error"] and line["error"]["reason"] for line in lines]
    assert reasons == [None, "INVALID_INPUT", "INTERNAL", "INVALID_INPUT", None]
    assert lines[1]["error"]["fields"] == lines[3]["error"]["fields"] == ["article.text"]


def test_an_unknown_model_is_told_by_its_reason(built: Path, server: Running) -> None:
    [line], result = ask(
        built, server.target, [{"id": "a", "text": STORY}], QUOTEWIRE_MODEL="nobody"
    )
    assert result.returncode == 1
    assert line["error"]["reason"] == "MODEL_NOT_FOUND"


def test_nobody_there_is_one_line_and_an_exit_code(built: Path) -> None:
    _, result = ask(built, "127.0.0.1:1", [])
    assert result.returncode == 1
    assert result.stdout == ""
    assert re.fullmatch(r"UNAVAILABLE: .*\n", result.stderr)


def test_it_reaches_a_server_behind_tls_and_tokens(built: Path, tmp_path: Path) -> None:
    ca, token = trustme.CA(), "desk-token-0123456789"
    issued = ca.issue_cert("localhost")
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    issued.private_key_pem.write_to_path(tmp_path / "server.key")
    with running(
        tls_certificate=tmp_path / "server.pem",
        tls_key=tmp_path / "server.key",
        tokens=(f"desk:{token}",),
    ) as guarded:
        target = f"localhost:{guarded.port}"
        environment = {"QUOTEWIRE_TLS_CA": str(tmp_path / "ca.pem"), "QUOTEWIRE_TOKEN": token}
        [line], result = ask(built, target, [{"id": "a", "text": STORY}], **environment)
        assert result.returncode == 0, result.stderr
        assert [statement["quote"] for statement in line["statements"]] == STORY_QUOTES
        del environment["QUOTEWIRE_TOKEN"]
        _, result = ask(built, target, [{"id": "a", "text": STORY}], **environment)
        assert result.returncode == 1
        assert "UNAUTHENTICATED" in result.stderr


def test_the_shipped_server_with_its_own_model(built: Path) -> None:
    """``quotewire serve`` as anybody starts it: its health, its reflection and this client."""
    serve = [sys.executable, "-m", "quotewire", "serve", "--port", "0"]
    process = subprocess.Popen(serve, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        target = ""
        for line in process.stderr:
            if listening := re.search(r"listening on (127\.0\.0\.1:\d+)", line):
                target = listening[1]
            if "serving quotewire-base@" in line:
                break
        health = subprocess.run(
            [sys.executable, "-m", "quotewire", "health", target],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert (health.returncode, health.stdout) == (0, "SERVING\n")
        with grpc.insecure_channel(target) as channel:
            listed = reflection_pb2.ServerReflectionRequest(list_services="")
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            [listing] = stub.ServerReflectionInfo(iter([listed]), timeout=PATIENCE_S)
        names = {service.name for service in listing.list_services_response.service}
        assert names >= {*SERVICES, "grpc.health.v1.Health"}
        text = "🌉 “The bridge is safe,” Mayor Ann Lee told Reuters on Monday."
        [line], result = ask(built, target, [{"id": "a", "text": text}])
        assert result.returncode == 0, result.stderr
        [statement] = line["statements"]
        assert statement["quote"].endswith("“The bridge is safe,”")
        assert (statement["speaker"], statement["through"]) == ("Ann Lee", ["Reuters"])
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
    finally:
        process.kill()


def test_the_service_config_is_the_python_client_s() -> None:
    assert json.loads((EXAMPLE / "service_config.json").read_text("utf-8")) == SERVICE_CONFIG
