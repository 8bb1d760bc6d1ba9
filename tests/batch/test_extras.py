"""Without the packages of the archive extra, plain inputs work, and others say what to install."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from quotewire.batch.readers import find_inputs
from quotewire.batch.records import ReadOptions
from quotewire.errors import InputError
from tests.batch.archive_files import write_archive

_WITHOUT = """
import json, sys
for name in "brotli datasketch duckdb fsspec lxml trafilatura warcio zstandard".split():
    sys.modules[name] = None  # importing it fails, as if it were not installed
from quotewire.batch.duplicates import signature
from quotewire.batch.readers import find_inputs, open_input
from quotewire.batch.records import ReadOptions
from quotewire.batch.report import report_on
from quotewire.errors import QuotewireError

def read(path):
    (file,) = find_inputs([path], options=ReadOptions())
    with open_input(file, options=ReadOptions()) as reader:
        return sum(1 for _ in reader.sizes()) and len(list(reader.read(0, 9)))

def told(function, *arguments):
    try:
        return function(*arguments)
    except QuotewireError as error:
        return str(error)

answers = {path: told(read, path) for path in sys.argv[1:]}
answers["memory"] = told(read, "memory://x/y.jsonl")
answers["duplicates"] = told(signature, "word " * 30)
answers["report"] = told(report_on, "nowhere")
print(json.dumps(answers))
"""


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    plain = ["plain.jsonl", "packed.jsonl.gz", "rows.csv", "table.parquet", "folder_text"]
    others = ["packed.jsonl.zst", "folder_html", "crawl.warc"]
    paths = [str(write_archive(tmp_path, name)) for name in plain + others]
    run = subprocess.run(
        [sys.executable, "-c", _WITHOUT, *paths], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    answers = list(json.loads(run.stdout).values())
    assert answers[: len(plain)] == [3] * len(plain)
    for answer in answers[len(plain) :]:
        assert str(answer).endswith("pip install 'quotewire[archive]'"), answer


def test_a_url_of_no_known_kind_is_refused() -> None:
    with pytest.raises(InputError, match="nosuch://a/b"):
        find_inputs(["nosuch://a/b.jsonl"], options=ReadOptions())
