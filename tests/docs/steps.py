"""What a reader of the documentation would type: its commands and blocks, in the pages' order."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = sorted(
    [
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "examples").glob("*/README.md"),
        *(ROOT / "models").glob("*/README.md"),
    ]
)
# Files whose comments say how they are used.
COMMENTED = sorted(
    [
        ROOT / "Dockerfile",
        ROOT / "docker-compose.yml",
        ROOT / "examples" / "models.toml",
        *(path for path in (ROOT / "deploy").rglob("*") if path.is_file()),
        *(ROOT / "models" / "recipes").glob("*.toml"),
    ]
)
_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_PROGRAMS = "quotewire|make|pip|python3?|docker|kubectl|kustomize|node|npm|grpcurl|protoc"
_IN_COMMENT = re.compile(rf"^\s*#(?:.*:)?\s+((?:[A-Z_]+=\S+ )?(?:{_PROGRAMS}) .*?)(?:\s{{2,}}.*)?$")
_LOOSE = re.compile(rf"^(?: {{4,}}|\t)(?:\$ )?(?:{_PROGRAMS})(?: |$)", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """One command (``language`` "sh", its lines joined, without comments), or one whole block."""

    page: Path
    language: str
    text: str

    @property
    def is_ours(self) -> bool:
        return self.language == "sh" and "quotewire" in self.words[:1]

    @property
    def words(self) -> list[str]:
        """The command's words as a shell makes them, without the variables that it sets."""
        words = shlex.split(self.text)
        return words[len(self.environment) :]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that are set for this command alone."""
        found: dict[str, str] = {}
        for word in shlex.split(self.text):
            name, equals, value = word.partition("=")
            if not equals or not re.fullmatch(r"[A-Z_]+", name):
                break
            found[name] = value
        return found


def steps(page: Path) -> list[Step]:
    """All of a page, or of the comments of a file that is none."""
    text = page.read_text(encoding="utf-8")
    if page.suffix != ".md":
        found = (_IN_COMMENT.match(line) for line in text.splitlines())
        return [Step(page, "sh", one[1]) for one in found if one]
    return [step for block in _FENCE.finditer(text) for step in _of_block(page, *block.groups())]


def loose(page: Path) -> list[str]:
    """Commands that stand outside every block, where no test would see them."""
    return _LOOSE.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


def _of_block(page: Path, indent: str, language: str, text: str) -> Iterator[Step]:
    text = re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)
    if language == "console":  # commands behind a prompt, and what they answer
        text = "\n".join(line[2:] for line in text.splitlines() if line.startswith("$ "))
    if language in ("sh", "console"):
        yield from (Step(page, "sh", command) for command in _commands(text))
    else:
        yield Step(page, language, text)


def _commands(script: str) -> Iterator[str]:
    script = re.sub(r"\\\n\s*", "", re.sub(r"(?:^|\s+)# .*$", "", script, flags=re.MULTILINE))
    command = ""
    for line in script.splitlines():
        command = f"{command}\n{line}" if command else line
        try:
            shlex.split(command)
        except ValueError:  # a quotation mark that a later line closes
            continue
        if command.strip():
            yield command.strip()
        command = ""
    assert not command, f"a quotation mark is never closed: {command}"
