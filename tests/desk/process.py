"""A server process with its desk, around the fake model: ``python -m tests.desk.process``.

Its settings come from the environment, as those of ``quotewire serve`` do.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from quotewire.desk.port import DeskPort
from quotewire.extraction.extractor import Extractor
from quotewire.serving.logs import configure_logging
from quotewire.serving.server import run
from quotewire.serving.settings import Settings
from tests.fakes import fake_extractor


def load(name: str) -> Extractor:
    return fake_extractor(name)


if __name__ == "__main__":
    settings = Settings.from_environment(os.environ)
    configure_logging(stream=sys.stderr, level="info", format_="json")
    run(settings, load=load, neighbour=partial(DeskPort, settings))
