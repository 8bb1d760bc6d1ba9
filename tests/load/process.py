"""``python -m tests.load.process``: a server process around a fake model, to be loaded and killed.

Settings come from the environment as for ``quotewire serve``.  Each load of the model, at the start
and at each reload (SIGHUP), gives it a new version: fake@1.0.0, fake@1.0.1, …
"""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import time
from collections.abc import Sequence

from quotewire.extraction.extractor import Extractor
from quotewire.extraction.scores import WindowScores
from quotewire.extraction.windows import Window
from quotewire.serving.server import run
from quotewire.serving.settings import Settings
from tests.fakes import FakeModel, fake_extractor


class SlowModel(FakeModel):
    """As fast as a real one might be: its speed is the server's bottleneck, not Python's."""

    def __init__(self, *, tokens_per_s: float) -> None:
        super().__init__()
        self._tokens_per_s = tokens_per_s

    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        time.sleep(sum(window.pieces for window in windows) / self._tokens_per_s)
        scores = super().score(windows)
        self.batches.clear()  # a list that grows for ever is no server's memory
        return scores


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens-per-s", type=float, default=float("inf"))
    parser.add_argument("--model", help="a real model's name or folder, instead of the fake one")
    arguments = parser.parse_args()
    logging.basicConfig(level="INFO")
    versions = (f"1.0.{number}" for number in itertools.count())

    def load(source: str) -> Extractor:
        if arguments.model:
            return Extractor.load(arguments.model)
        model = SlowModel(tokens_per_s=arguments.tokens_per_s)
        return fake_extractor(version=next(versions), model=model)

    run(Settings.from_environment(os.environ, models=("fake",)), load=load)


if __name__ == "__main__":
    main()
