"""``quotewire serve --desk`` and ``quotewire desk`` as processes: they start, answer and end."""

from __future__ import annotations

import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
import trustme
from click.testing import CliRunner

from quotewire.cli.main import commands
from tests.conftest import ROOT
from tests.desk.harness import TOKEN, RunningDesk, Visitor
from tests.fakes import fake_extractor
from tests.serving.harness import PATIENCE_S, STORY, running


@contextmanager
def process(arguments: list[str], **environment: str) -> Iterator[tuple[Visitor, IO[str]]]:
    """A process that has a desk: somebody who visits it, and its log.  Ends it with SIGTERM, and
    holds that it ends well."""
    started = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "QUOTEWIRE_LOG_FORMAT": "json", **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    log = started.stderr
    assert log is not None
    try:
        found = None
        for line in log:
            if found := re.search(r"desk on (https?)://127\.0\.0\.1:(\d+)/", line):
                break
        assert found, "the process ended"
        desk = RunningDesk(None, int(found[2]), None, found[1])  # type: ignore[arg-type]
        yield Visitor(desk), log
        started.send_signal(signal.SIGTERM)
        rest = log.read()
        assert started.wait(PATIENCE_S) == 0, rest
        assert "desk drained" in rest
    finally:
        started.kill()
        started.wait()
        log.close()


def test_a_server_and_its_desk_start_answer_and_end_together() -> None:
    with process(
        ["tests.desk.process"],
        QUOTEWIRE_MODELS="fake",
        QUOTEWIRE_PORT="0",
        QUOTEWIRE_DESK="127.0.0.1:0",
        QUOTEWIRE_TOKENS=f"a:{TOKEN}",
    ) as (visitor, log):
        for line in log:
            if '"serving fake@1.0.0"' in line:
                break
        page = visitor.get("/")
        assert page.status == 401
        visitor.post("/sign-in", {"token": TOKEN}, form_token=page.form_token())
        assert "fake@1.0.0" in visitor.read(STORY).text


def test_a_desk_beside_a_server_with_tls_speaks_tls_and_reaches_it(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    issued.private_key_pem.write_to_path(tmp_path / "server.key")
    with process(
        ["tests.desk.process"],
        QUOTEWIRE_MODELS="fake",
        QUOTEWIRE_PORT="0",
        QUOTEWIRE_DESK="127.0.0.1:0",
        QUOTEWIRE_TLS_CERTIFICATE=str(tmp_path / "server.pem"),
        QUOTEWIRE_TLS_KEY=str(tmp_path / "server.key"),
    ) as (visitor, log):
        for line in log:
            if '"serving fake@1.0.0"' in line:
                break
        visitor.tls = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
        assert visitor.desk.scheme == "https"
        assert "fake@1.0.0" in visitor.read(STORY).text


def test_a_desk_of_its_own_in_front_of_a_server() -> None:
    with (
        running(fake_extractor()) as server,
        process(["quotewire", "desk", "--server", server.target, "--listen", "127.0.0.1:0"]) as (
            visitor,
            _,
        ),
    ):
        assert "fake@1.0.0" in visitor.read(STORY).text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["serve", "--desk", "nowhere"], "desk: got 'nowhere'; allowed: HOST:PORT"),
        (["desk", "--server", "a:1", "--listen", "b"], "desk: got 'b'; allowed: HOST:PORT"),
        (["desk"], "Missing option '--server'"),
        (["desk", "--server", "a:1", "--tls-ca", "/no/file"], "/no/file: No such file"),
    ],
)
def test_what_cannot_be_listened_on_is_refused(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(commands, arguments, prog_name="quotewire")
    assert result.exit_code == 2
    assert words in result.stderr
