"""A reader who tries what a page shows, from its first line to its last."""

from __future__ import annotations

import contextlib
import glob
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
from click.testing import CliRunner

from quotewire.cli.common import Toolbox
from quotewire.cli.main import commands
from quotewire.extraction.extractor import Extractor
from tests.conftest import ROOT
from tests.docs.scratch import editors_choose
from tests.docs.steps import Step
from tests.fakes import fake_extractor
from tests.serving.harness import PATIENCE_S, until

# What stands for the address of a server in the pages.
ADDRESS = re.compile(r"\b(?:HOST:PORT|localhost:50051|127\.0\.0\.1:50051|quotewire\.example:50051)")
TYPESCRIPT = ROOT / "examples" / "typescript"
# The programs that a page may have run here; anything else would have to be listed, or added.
PROGRAMS = {"quotewire", "python", "make", "node", "npm", "cat"}
# What make would install first, and whoever runs the tests has installed.
INSTALLED = [".venv/.installed", "examples/typescript/node_modules/.installed"]


def load_fake(name: str | None, *, threads: int | None) -> Extractor:
    return fake_extractor(Path(name or "quotewire-base").name, "1.3.0")


def identify_fake(name: str | None) -> tuple[str, str]:
    return f"{name or 'quotewire-base'}@1.3.0", "0" * 64


class Session:
    """One page: its commands, Python and SQL go on from each other, as they do for its reader.

    ``folder`` has the files that they name (scratch.py) and is the working directory; ``target`` is
    a server for the pages that start none.  Ours run in this process around the fake model, but
    for servers: those are processes with the shipped quotewire-small.  Any port becomes a free one.
    """

    def __init__(self, folder: Path, *, target: str) -> None:
        self.folder = folder
        self.target = target
        self.opened: list[str] = []
        self._names: dict[str, Any] = {}
        self._tables = duckdb.connect()
        self._servers: list[subprocess.Popen[bytes]] = []
        self._starting: list[tuple[subprocess.Popen[bytes], Path]] = []

    @contextmanager
    def open(self, steps: Sequence[Step]) -> Iterator[Session]:
        """Starts the page's servers, which takes them seconds; ends them, and holds that they end
        well."""
        try:
            self._starting = [self._start(step) for step in steps if _serves(step)]
            yield self
            for server in self._servers:
                server.send_signal(signal.SIGTERM)
            assert {server.wait(PATIENCE_S) for server in self._servers} <= {0}
        finally:
            for server in self._servers:
                server.kill()
                server.wait()
            self._tables.close()

    def run(self, step: Step) -> str:
        """What the step prints.  Fails where it fails."""
        if step.language == "sh":
            assert step.words[0] in PROGRAMS, f"{step.text}: add it to PROGRAMS, or to NOT_RUN"
        if step.is_ours:
            is_server = step.words[1] in ("serve", "desk")
            return self._serve(step) if is_server else self._ours(step)
        how: Mapping[str, Callable[[str], str]] = {
            "sh": self._shell,
            "python": self._python,
            "sql": self._sql,
            "js": self._javascript,
            "ts": self._typescript,
        }
        if step.page.parent.parent == ROOT / "examples":  # such a page is read where it stands
            return self._shell(ADDRESS.sub(self.target, step.text), where=step.page.parent)
        return how[step.language](ADDRESS.sub(self.target, step.text))

    def _ours(self, step: Step) -> str:
        words = [ADDRESS.sub(self.target, word) for word in step.words[1:]]
        words = [found for word in words for found in (sorted(glob.glob(word)) or [word])]
        if words[0] == "score":
            words += ["--workers", "0"]  # workers of their own would load the model by its name
        if words[:2] == ["experiments", "labels"]:
            editors_choose(self.folder)
        result = CliRunner().invoke(
            commands,
            words,
            obj=Toolbox(load_fake, identify_fake, lambda url: not self.opened.append(url)),
            prog_name="quotewire",
            env={"COLUMNS": "140", **step.environment},
        )
        assert result.exit_code == 0, f"{step.text}\n{result.output}"
        for flag, file in pairwise(words):
            assert flag not in ("--out", "--html") or Path(file).exists(), step.text
        assert ("--open" in words) == bool(self.opened), step.text
        self.opened.clear()
        return result.output

    def _start(self, step: Step) -> tuple[subprocess.Popen[bytes], Path]:
        """A process on free ports, and its log."""
        words = [ADDRESS.sub(self.target, word) for word in step.words[1:]]
        words = ["0" if word == "50051" else word.replace(":9000", ":0") for word in words]
        if words[0] == "desk":
            words += ["--listen", "127.0.0.1:0"]
        elif words[-1] == "--desk":
            words += ["127.0.0.1:0"]
        path = self.folder / f"server-{len(self._servers)}.log"
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("QUOTEWIRE_")},
            "QUOTEWIRE_LOG_FORMAT": "json",
            "QUOTEWIRE_MODELS": "quotewire-small",
            "QUOTEWIRE_PORT": "0",
            **step.environment,
        }
        with path.open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "quotewire", *words], stderr=log, env=environment
            )
        self._servers.append(server)
        return server, path

    def _serve(self, step: Step) -> str:
        """Waits until it answers; from then on the page's addresses are its own."""
        server, path = self._starting.pop(0) if _serves(step) else self._start(step)

        def said(pattern: str) -> str | None:
            assert server.poll() is None, path.read_text("utf-8")
            found = re.search(pattern, path.read_text("utf-8"))
            return found[1] if found else None

        if _serves(step):
            until(lambda: said(r'"(serving) ') is not None)
            port = said(r"listening on \S+?:(\d+)")
            self.target = f"127.0.0.1:{port}"
        if "desk" in step.text:
            desk = r"desk on (http://\S+?:\d+)"
            until(lambda: said(desk) is not None)
            with urllib.request.urlopen(f"{said(desk)}/") as page:
                assert page.status == 200
        return path.read_text("utf-8")

    def _shell(self, text: str, *, where: Path | None = None) -> str:
        return _make(text) if text.split()[0] == "make" else _bash(text, where or self.folder)

    def _python(self, text: str) -> str:
        with contextlib.redirect_stdout(io.StringIO()) as told:
            exec(compile(text, "page", "exec"), self._names)
        return told.getvalue()

    def _sql(self, text: str) -> str:
        return "".join(str(self._tables.sql(one)) for one in text.split(";\n") if one.strip())

    def _javascript(self, text: str) -> str:
        (self.folder / "snippet.js").write_text(text, encoding="utf-8")
        return self._shell("node snippet.js")

    def _typescript(self, text: str) -> str:
        """Beside the example's sources, which its first line imports."""
        project = self.folder / "project"
        shutil.copytree(TYPESCRIPT / "src", project / "src")
        (project / "src" / "page.ts").write_text(text, encoding="utf-8")
        for name in ("node_modules", "package.json", "tsconfig.json", "service_config.json"):
            (project / name).symlink_to(TYPESCRIPT / name)
        protos = f"QUOTEWIRE_PROTOS={ROOT / 'protos'}"
        return self._shell(f"node_modules/.bin/tsc && {protos} node dist/page.js", where=project)


def _serves(step: Step) -> bool:
    return step.is_ours and step.words[1] == "serve"


def _bash(text: str, where: Path) -> str:
    """What the command prints, beside this interpreter and what npm brought."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment["NODE_PATH"] = str(TYPESCRIPT / "node_modules")
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE_S,
    )
    assert result.returncode == 0, f"{text}\n{result.stdout}{result.stderr}"
    return result.stdout


@cache
def _make(text: str) -> str:
    """In the repository, once: it does not depend on the page."""
    return _bash(" ".join(["make", *(f"-o {one}" for one in INSTALLED), text[4:]]), ROOT)
