"""``quotewire`` around the fake model, for processes of their own: ``python -m
tests.batch.process score …``.

Beside what it says, an article whose text holds one of these words does something to its worker:
``KILL`` kills it (-9), ``HOARD`` leaves it without memory, ``RAISE`` raises.  QUOTEWIRE_TEST_SLOW
is a number of seconds that every article takes.  QUOTEWIRE_TEST_DIE=who:n kills the "driver" or a
"worker" (-9) at its n-th change to the file system, counted from 1: a file opened for writing, a
rename, a deletion.  With QUOTEWIRE_TEST_FULL the disk is full for every worker once it has written
three kilobytes to one file.
"""

from __future__ import annotations

import itertools
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence

from quotewire.cli.common import Toolbox
from quotewire.cli.main import main
from quotewire.errors import ModelNotFoundError
from quotewire.extraction.extractor import Extractor, Prepared
from quotewire.types import Article
from tests.fakes import FakeModel, fake_extractor, fake_tokenizer


class Dangerous(Extractor):
    """The fake extractor, but see the module's docstring."""

    def prepare(self, article: Article) -> Prepared:
        time.sleep(float(os.environ.get("QUOTEWIRE_TEST_SLOW", 0)))
        if "KILL" in article.text:
            os.kill(os.getpid(), signal.SIGKILL)
        if "HOARD" in article.text:
            bytearray(1 << 50)  # raises MemoryError: no machine has a petabyte
        if "RAISE" in article.text:
            raise RuntimeError("out of luck")
        return super().prepare(article)


def load(name: str | None, *, threads: int | None) -> Extractor:
    if name not in (None, "fake"):
        raise ModelNotFoundError(name, known=["fake"])
    die_at_change("worker")
    extractor = Dangerous(FakeModel(), tokenizer=fake_tokenizer(), info=fake_extractor().info)
    if "QUOTEWIRE_TEST_FULL" in os.environ:
        extractor.extract("Ann said it is shut.")  # what libraries unpack when first used has room
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, 3_000))
    return extractor


def identify(name: str | None) -> tuple[str, str]:
    if name not in (None, "fake"):
        raise ModelNotFoundError(name, known=["fake"])
    return "fake@1.0.0", os.environ.get("QUOTEWIRE_TEST_DIGEST", "0" * 64)


def die_at_change(who: str) -> None:
    """Kill this process at its n-th change to the file system, if the environment says so."""
    whom, _, at = os.environ.get("QUOTEWIRE_TEST_DIE", "").partition(":")
    if whom != who:
        return
    changes = itertools.count(1)

    def see(event: str, arguments: Sequence[object]) -> None:
        writing = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if (writing or event in ("os.rename", "os.remove")) and next(changes) == int(at):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(see)


TOOLBOX = Toolbox(load_extractor=load, identify_model=identify)

if __name__ == "__main__":
    die_at_change("driver")
    main(toolbox=TOOLBOX)
