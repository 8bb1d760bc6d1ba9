"""The Python in docs/python.md and docs/formats.md runs, page by page, with the shipped model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from quotewire.answers import Answer
from quotewire.render.formats import writer
from tests.conftest import ROOT
from tests.render.make import ARTICLE, EXTRACTION

BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


def run_blocks(page: str) -> dict[str, Any]:
    """Everything the page's blocks define, run one after the other."""
    names: dict[str, Any] = {}
    for block in BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8")):
        exec(compile(block, page, "exec"), names)
    return names


def test_python(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    names = run_blocks("python.md")
    answer = names["answer"]
    assert isinstance(answer, Answer)
    assert "Ann Lee “We leave,”" in capsys.readouterr().out
    assert "Ann Lee via Reuters: '“We leave,”'" in repr(answer)
    assert "qw-label" in names["page"] and "<style>" in answer._repr_html_()


def test_formats(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "answers.spacy").write_bytes(b"".join(writer("spacy")([(ARTICLE, EXTRACTION)])))
    monkeypatch.chdir(tmp_path)
    names = run_blocks("formats.md")
    assert capsys.readouterr().out.startswith("Ann Lee (“We leave,”,) (Reuters,) 0.")
    assert [len(doc._.statements) for doc in names["docs"]] == [5]
