"""Servers with experiments, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from quotewire.experiments.logs import read_exposures
from quotewire.experiments.records import Exposure
from quotewire.extraction.extractor import Extractor
from quotewire.pb.v1 import admin_service_pb2 as admin_pb
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1.admin_service_pb2_grpc import AdminServiceStub
from quotewire.pb.v1.extraction_service_pb2 import ExtractRequest
from quotewire.pb.v1.feedback_service_pb2_grpc import FeedbackServiceStub
from tests.fakes import FakeModel, fake_extractor
from tests.serving.harness import PATIENCE_S, STORY, Running, running

SPLIT = """
[[experiments]]
name = "split"
coverage = 1
[[experiments.variants]]
name = "control"
model = "a"
[[experiments.variants]]
name = "candidate"
model = "b"
"""
SHADOW = """
[[experiments]]
name = "shadow"
coverage = 1
[[experiments.variants]]
name = "base"
model = "a"
[[experiments.variants]]
name = "next"
model = "b"
shadow = true
"""


class Laboratory:
    """A server with the models a@1 (the default) and b@1, and a file of experiments."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "experiments.toml"
        self.models_path = folder / "models.toml"
        self.log = folder / "experiments-log"
        self.models: dict[str, FakeModel] = {}
        self.write_models("a@1", "b@1")
        self.server: Running
        self.admin: AdminServiceStub
        self.feedback: FeedbackServiceStub

    def write(self, experiments: str) -> None:
        self.path.write_text(experiments, encoding="utf-8")

    def write_models(self, *sources: str, **aliases: str) -> None:
        lines = [f'[[models]]\nfolder = "{source}"' for source in sources]
        lines += ["[aliases]", *(f'{alias} = "{target}"' for alias, target in aliases.items())]
        self.models_path.write_text("\n".join(lines), encoding="utf-8")

    def load(self, source: str) -> Extractor:
        name, _, version = Path(source).name.partition("@")
        return fake_extractor(name, version, model=self.models.get(source))

    @contextmanager
    def open(self, experiments: str, **changes: Any) -> Iterator[Laboratory]:
        self.write(experiments)
        settings = {
            "models_file": self.models_path,
            "experiments_file": self.path,
            "admin_port": 0,
            **changes,
        }
        with (
            running(load=self.load, **settings) as server,
            grpc.insecure_channel(f"127.0.0.1:{server.server.admin_port}") as channel,
        ):
            self.server, self.admin = server, AdminServiceStub(channel)
            self.feedback = FeedbackServiceStub(server.channel)
            yield self

    def reload(self) -> None:
        self.admin.Reload(admin_pb.ReloadRequest(), timeout=PATIENCE_S)

    def extract(
        self, article_id: str = "", *, text: str = STORY, model: str = "", **article: Any
    ) -> pb.Extraction:
        request = ExtractRequest(article=pb.Article(id=article_id, text=text, **article))
        request.model = model
        return self.server.extraction.Extract(request, timeout=PATIENCE_S).extraction

    def rows(self) -> list[Exposure]:
        """The exposure log as it is: complete once the server is closed."""
        return list(read_exposures(str(self.log)))

    def log_text(self) -> str:
        """The exposure log as it stands on disk."""
        return "".join(path.read_text("utf-8") for path in self.log.glob("exposures-*"))

    def metric(self, name: str, **labels: str) -> float:
        registry = self.server.server.metrics.registry
        return registry.get_sample_value(f"quotewire_{name}", labels) or 0.0
