"""How many of forty ways to name an intermediary a model finds: ``python -m scripts.ways MODEL…``.

The sentences (tests/data/ways.txt) are our own.  Training tells statements anew in many of the same
ways, with other names (training/reword.py): the count says whether they were learned, not how often
newsrooms write otherwise.
"""

from __future__ import annotations

import sys

from quotewire.extraction.extractor import Extractor
from tests.ways import missed_by, ways

if __name__ == "__main__":
    every = len(list(ways()))
    for model in sys.argv[1:]:
        extractor = Extractor.load(model)
        missed = missed_by(extractor)
        print(f"{extractor.info.tag}: {every - len(missed)} of {every}")
        for way in missed:
            print(f"  missed [{way.intermediary}]: {way.text}")
