"""``quotewire serve`` in a process of its own, asked by 1, 8 and 64 callers at once."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from quotewire.client import AsyncClient
from quotewire.errors import OverloadedError
from quotewire.types import Article
from scripts.bench.data import load_articles
from scripts.bench.figures import quantile
from scripts.bench.memory import resident_bytes

_PATIENCE_S = 300.0
_LISTENING = re.compile(r"listening on [^ ]*:(\d+)")
_SERVING = re.compile(r"\bserving [\w-]+@")


class ServerProcess:
    """A server on a port of its own choice, serving when this returns.

    RuntimeError with its log where it ends or does not get ready.
    """

    def __init__(self, *, model: str, threads: int | None, environment: dict[str, str]) -> None:
        self._log = tempfile.NamedTemporaryFile(prefix="quotewire-bench-", suffix=".log")  # noqa: SIM115
        command = [sys.executable, "-m", "quotewire", "serve", "--port", "0", "--model", model]
        if threads is not None:
            command += ["--threads", str(threads)]
        self.process = subprocess.Popen(
            command,
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, **environment, "QUOTEWIRE_LOG_FORMAT": "text"},
        )
        try:
            self.port = int(self._until(_LISTENING).group(1))
            self._until(_SERVING)
        except BaseException:
            self.close()
            raise

    def _until(self, words: re.Pattern[str]) -> re.Match[str]:
        ends = time.monotonic() + _PATIENCE_S
        while True:
            log = Path(self._log.name).read_text("utf-8", errors="replace")
            if found := words.search(log):
                return found
            if self.process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"the server did not start:\n{log[-2000:]}")
            time.sleep(0.005)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()


class Service:
    """A side: one server for all rounds; each round says how many callers."""

    def __init__(
        self, *, model: str, articles: str, single: int, threads: int | None, workers: int | None
    ) -> None:
        """``single``: how many articles one caller alone sends; the server's own number of threads
        with ``threads`` and ``workers`` None."""
        environment = {} if workers is None else {"QUOTEWIRE_WORKERS": str(workers)}
        self._articles = load_articles(articles)
        self._single = single
        self._server = ServerProcess(model=model, threads=threads, environment=environment)
        self._at_rest = resident_bytes(self._server.process.pid)
        asyncio.run(self._ask(self._articles[:8], callers=2))

    def about(self) -> dict[str, Any]:
        return {"at_rest_bytes": self._at_rest}

    def run(self, *, callers: int) -> dict[str, Any]:
        articles = self._articles
        if callers == 1:
            articles = articles[: self._single]
        else:  # enough calls for each caller to wait for the others
            while len(articles) < 4 * callers:
                articles = articles + self._articles
        started = time.perf_counter()
        each, refused = asyncio.run(self._ask(articles, callers=callers))
        seconds = time.perf_counter() - started
        pid = self._server.process.pid
        return {
            "articles": len(articles),
            "seconds": seconds,
            "articles_per_s": len(articles) / seconds,
            "each_s": each if callers == 1 else [],
            "p50_s": quantile(each, 0.5),
            "p99_s": quantile(each, 0.99),
            "refused": refused,
            "resident_bytes": resident_bytes(pid),
            "peak_bytes": resident_bytes(pid, peak=True),
        }

    async def _ask(self, articles: list[Article], *, callers: int) -> tuple[list[float], int]:
        """Seconds of each call, and how many were refused and asked again."""
        waiting = iter(articles)
        each: list[float] = []
        refused = 0

        async def caller(client: AsyncClient) -> None:
            nonlocal refused
            for article in waiting:  # one iterator: each caller takes the next
                started = time.perf_counter()
                while True:
                    try:
                        await client.extract(article, timeout_s=300)
                        break
                    except OverloadedError as error:
                        refused += 1
                        await asyncio.sleep(error.retry_after_s or 0.1)
                each.append(time.perf_counter() - started)

        async with AsyncClient(self._server.target) as client:
            await asyncio.gather(*(caller(client) for _ in range(callers)))
        return each, refused

    def close(self) -> None:
        self._server.close()
