"""The commands and the Python that the documentation shows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
# Ours, wherever they stand: in a block of their own language, or just set in by four spaces.
_SET_IN = re.compile(r" {4,}(?:\$ )?(?=quotewire |make |pip )")


@dataclass(frozen=True)
class Command:
    """One command as its reader types it: its words, without variables, pipes and redirections."""

    page: Path
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page.name}: {shlex.join(self.words)}"


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of that language, without what they are set in by."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def commands(page: Path) -> Iterator[Command]:
    """Every command of a page's shell blocks, and ours of its plain blocks."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    set_in = [_SET_IN.sub("", line) for line in _joined(text).splitlines() if _SET_IN.match(line)]
    for script in [*blocks(page, "sh"), "\n".join(set_in)]:
        yield from _commands_of_script(page, _joined(script))


def _joined(text: str) -> str:
    """Lines that go on in one, comments taken away."""
    return re.sub(r"\\\n\s*", "", re.sub(r"(?:^|\s+)# .*$", "", text, flags=re.MULTILINE))


def _commands_of_script(page: Path, script: str) -> Iterator[Command]:
    lexer = shlex.shlex(script, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace, lexer.commenters, lexer.whitespace_split = " \t\r", "", True
    words: list[str] = []
    to_file = False
    for token in [*lexer, ";"]:
        if set(token) <= set("();|&\n"):
            if words:
                yield Command(page, tuple(words))
            words, to_file = [], False
        elif set(token) <= set("<>"):
            to_file = True
        elif to_file:
            to_file = False
        elif words or not re.match(r"\w+=", token):
            words.append(token)
