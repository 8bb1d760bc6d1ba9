"""How long it takes from nothing to a first answer: the imports, and what comes after them."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from quotewire.client import Client
from scripts.bench.service import ServerProcess

_SAMPLE = "The bridge will be closed until May, the mayor told the Evening Post on Tuesday."
# What the server imports before it does anything, in the order that it does.
_IMPORTS = "import quotewire.cli.serve, quotewire.serving.server, quotewire.extraction.extractor"
_EXTRACTOR = """
import time
begun = time.perf_counter()
from quotewire.extraction.extractor import Extractor
imported = time.perf_counter()
extractor = Extractor.load({model!r})
loaded = time.perf_counter()
extractor.extract({sample!r})
print(imported - begun, loaded - imported, time.perf_counter() - loaded)
"""


class Startup:
    """A side: starts a server, asks it once and stops it; and the same of the bare extractor."""

    def __init__(self, *, model: str) -> None:
        self._model = model

    def about(self) -> dict[str, Any]:
        return {}

    def run(self) -> dict[str, Any]:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", _IMPORTS], check=True)
        imports_s = time.perf_counter() - started
        # From the command to the first answer.
        started = time.perf_counter()
        server = ServerProcess(model=self._model, threads=None, environment={})
        try:
            with Client(server.target) as client:
                client.extract(_SAMPLE)
            first_answer_s = time.perf_counter() - started
        finally:
            server.close()
        code = _EXTRACTOR.format(model=self._model, sample=_SAMPLE)
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        imported, loaded, answered = map(float, done.stdout.split())
        return {
            "server_imports_s": imports_s,
            "server_first_answer_s": first_answer_s,
            "server_after_imports_s": max(first_answer_s - imports_s, 0.0),
            "extractor_imports_s": imported,
            "extractor_load_s": loaded,
            "extractor_first_article_s": answered,
            "extractor_after_imports_s": loaded + answered,
        }
