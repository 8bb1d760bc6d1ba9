"""What the documentation says is what the code does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quotewire.cli.main import commands
from quotewire.lines import ARTICLE_FIELDS, error_to_line, extraction_to_line
from quotewire.types import (
    Act,
    Article,
    Extraction,
    Intermediary,
    IntermediaryKind,
    Quote,
    QuoteKind,
    Span,
    Speaker,
    SpeakerType,
    Statement,
)
from tests.conftest import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    # The reference is made by the site (make docs, which follows every link itself).
    local = [link for link in links if "://" not in link and link != "reference.md"]
    assert [link for link in local if not (page.parent / link).exists()] == []


def keys(value: Any) -> Iterator[str]:
    """All keys of nested JSON objects."""
    if isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_every_field_of_the_json_lines_is_documented() -> None:
    span = Span(0, 1)
    full = Statement(
        id="s",
        act=Act.STATEMENT,
        confidence=1.0,
        quote=Quote((span,), QuoteKind.DIRECT, (span,)),
        cue=span,
        speaker=Speaker(span, "A", SpeakerType.PERSON),
        intermediaries=(Intermediary(span, "B", IntermediaryKind.OUTLET),),
        addressee=span,
        reported_in="t",
    )
    article = Article(id="a", text="text", meta={"meta": 1})
    answer = extraction_to_line(article, Extraction("a", "m@1", (full,)))
    page = (ROOT / "docs" / "json-lines.md").read_text(encoding="utf-8")
    values = {str(v) for kind in (Act, QuoteKind, SpeakerType, IntermediaryKind) for v in kind}
    fields = {*keys(answer), *error_to_line("a", model="m", message="e"), *ARTICLE_FIELDS}
    assert {word for word in fields | values if f"`{word}`" not in page} == set()


def test_every_room_and_every_module_of_the_server_stands_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    package = ROOT / "service" / "quotewire"
    rooms = [path.name for path in package.iterdir() if (path / "__init__.py").exists()]
    assert {room for room in rooms if f"  {room}/" not in page} == set()
    modules = [path.stem for path in (package / "serving").glob("[a-z]*.py")]
    assert {module for module in modules if f"`{module}`" not in page} == set()


def test_every_command_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {name for name in commands.commands if f"quotewire {name}" not in readme} == set()


def test_every_option_has_a_help_text() -> None:
    silent = {
        f"{name} {option.opts[0]}"
        for name, command in commands.commands.items()
        for option in command.params
        if option.param_type_name == "option" and not getattr(option, "help", None)
    }
    assert silent == set()
