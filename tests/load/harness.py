"""Servers in processes of their own, and how long a test may load them.

The tests of tests/load and tests/chaos are short ones in the usual suite; with QUOTEWIRE_SOAK=1
(`make soak`) they run as long as docs/reliability.md says and hold the figures it gives.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from quotewire.types import Article, Extraction
from tests.conftest import ROOT

SOAK = bool(os.environ.get("QUOTEWIRE_SOAK"))
# A real model's name or folder, instead of the fake one, where a test takes any.
SOAK_MODEL = os.environ.get("QUOTEWIRE_SOAK_MODEL")
# A failure is what never comes, not what a busy machine is late with.
PATIENCE_S = 300.0
# When pytest gives a test up: a hang, not a machine that has other things to do.
GIVE_UP_S = 7200 if SOAK else 600


def report(name: str, **figures: Any) -> None:
    """One line of measured figures (pytest -s shows it; `make soak` keeps it with what they were
    measured on)."""
    line = json.dumps({"test": name, **figures})
    print(f"\n{line}")
    if path := os.environ.get("QUOTEWIRE_SOAK_REPORT"):
        line = json.dumps({"test": name, **figures, "measured_on": measured_on()})
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def measured_on() -> dict[str, Any]:
    """The signature of a figure: code, libraries, model, machine, and what else it had to do."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True).stdout.strip()
    processors = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "commit": commit or "unknown",
        "grpcio": version("grpcio"),
        "python": platform.python_version(),
        "model": SOAK_MODEL or "fake",
        "processors": f"{len(processors)} x {processors[0]}" if processors else platform.machine(),
        "load_of_last_minute": os.getloadavg()[0],
        "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ServerProcess:
    """tests/load/process.py, started; killed at the end if nothing else ended it.

    ``settings`` are those of the server, by name.
    """

    def __init__(
        self, *, port: int | None = None, tokens_per_s: float | None = None, **settings: Any
    ) -> None:
        self.port = port or free_port()
        self._log = tempfile.NamedTemporaryFile(prefix="quotewire-", suffix=".log")  # noqa: SIM115
        command = [sys.executable, "-m", "tests.load.process"]
        if tokens_per_s:
            command.append(f"--tokens-per-s={tokens_per_s}")
        if SOAK_MODEL and not tokens_per_s:
            command.append(f"--model={SOAK_MODEL}")
        given = {"port": self.port, "log_format": "text", **settings}
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                **{f"QUOTEWIRE_{name.upper()}": str(value) for name, value in given.items()},
            },
            stdout=self._log,
            stderr=self._log,
        )

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> ServerProcess:
        try:
            self.until_serving()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def until_serving(self) -> None:
        with grpc.insecure_channel(self.target) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            ends = time.monotonic() + PATIENCE_S
            while True:
                try:
                    answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
                    if answer.status == health_pb2.HealthCheckResponse.SERVING:
                        return
                except grpc.RpcError:
                    pass
                assert self._process.poll() is None, f"the server ended:\n{self.log}"
                assert time.monotonic() < ends, f"the server did not start:\n{self.log}"
                time.sleep(0.1)

    @property
    def log(self) -> str:
        return Path(self._log.name).read_text("utf-8", errors="replace")

    @property
    def rss_bytes(self) -> int:
        """Memory that the process holds now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) * 1024

    def reload(self) -> None:
        self._process.send_signal(signal.SIGHUP)

    def end(self) -> None:
        """SIGTERM, and the drain that follows."""
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(PATIENCE_S) == 0, self.log

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()
        self._log.close()


def article(number: int, *, words: int = 20) -> Article:
    """One whose answer nobody else's can be."""
    filler = "The day went on as days do. " * (words // 7)
    return Article(id=f"a{number}", text=f"{filler}\n🧵 Lee said number {number}.")


def check(number: int, extraction: Extraction | None, *, words: int = 20) -> None:
    """Fails unless this is the answer to article(number)."""
    assert extraction is not None
    assert extraction.article_id == f"a{number}"
    [statement] = extraction.statements
    text = article(number, words=words).text
    assert statement.quote.spans[0].slice(text) == f"number {number}"
