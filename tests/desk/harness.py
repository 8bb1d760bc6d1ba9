"""Real desks in front of real servers around fake models, and visitors of two kinds: one without a
browser (here), one with (browser.py)."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import ssl
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from quotewire.desk.port import DeskPort
from quotewire.extraction.extractor import Extractor
from tests.serving.harness import PATIENCE_S, Running, running, settings

TOKEN = "desk-token-0123456789"


@dataclass
class RunningDesk:
    """A desk in the thread of its server."""

    desk: DeskPort
    port: int
    server: Running
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def begin_drain(self) -> Any:
        """Starts the drain that SIGTERM starts; a future that is done when it is."""
        return asyncio.run_coroutine_threadsafe(self.desk.drain(), self.server.loop)


@contextmanager
def desk(
    *extractors: Extractor, behind: str | None = None, ready: bool = True, **changes: Any
) -> Iterator[RunningDesk]:
    """A desk on a free port; ``behind`` is another server than its own, ``changes`` are settings
    of both."""
    with running(*extractors, ready=ready, **changes) as server:
        port = DeskPort(settings(desk="127.0.0.1:0", **changes), behind or server.target)

        def wait(work: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(work, server.loop).result(PATIENCE_S)

        try:
            scheme = "https" if changes.get("tls_certificate") else "http"
            yield RunningDesk(port, wait(port.start()), server, scheme)
        finally:
            wait(port.drain())


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def told(self) -> str:
        """What the page says went wrong."""
        found = re.search(r'<p class="told"[^>]*>(.*?)</p>', self.text, re.DOTALL)
        assert found
        return unescape(found[1])

    def form_token(self) -> str:
        found = re.search(r'name="form_token" value="([0-9a-f]+)"', self.text)
        assert found, self.text[:2000]
        return found[1]


@dataclass
class Visitor:
    """Somebody without scripts: keeps cookies, follows nothing."""

    desk: RunningDesk
    tls: ssl.SSLContext | None = None
    cookies: dict[str, str] = field(default_factory=dict)

    def request(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        if self.tls:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                "127.0.0.1", self.desk.port, timeout=PATIENCE_S, context=self.tls
            )
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.desk.port, timeout=PATIENCE_S)
        sent = {"cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        try:
            connection.request(method, path, body, {**sent, **(headers or {})})
            response = connection.getresponse()
            answer = Answer(response.status, dict(response.headers.items()), response.read())
        finally:
            connection.close()
        if cookie := response.headers.get("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, headers=headers)

    def post(
        self,
        path: str,
        fields: Mapping[str, str],
        *,
        file: bytes | None = None,
        form_token: str | None = None,
        **headers: str,
    ) -> Answer:
        """Sends a form as browsers do; fetches a form token first unless one is given."""
        if form_token is None:
            form_token = self.get("/?sample").form_token()
        boundary = uuid.uuid4().hex
        head = f"--{boundary}\r\nContent-Disposition: form-data; name="
        parts = [
            f'{head}"{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in {**fields, "form_token": form_token}.items()
        ]
        if file is not None:
            named = f'{head}"file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
            parts.append(named.encode() + file + b"\r\n")
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        content = f"multipart/form-data; boundary={boundary}"
        return self.request("POST", path, body=body, headers={"content-type": content, **headers})

    def read(self, text: str, **fields: str) -> Answer:
        """Has an article read; the page of its reading."""
        led = self.post("/", {"text": text, **fields})
        assert led.status == 303, led.told
        return self.get(led.headers["location"])
