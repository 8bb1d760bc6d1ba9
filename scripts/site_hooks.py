"""What mkdocs does beside rendering docs/*.md (mkdocs.yml names this file).

The reference of the contract is generated, and what a page links to outside docs/ (examples,
deployment files) is carried into the site, so that every link leads somewhere there, too.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from proto_reference import reference  # noqa: E402

LINK = re.compile(r"\]\(\.\./([^)#\s]+)((?:#[^)]*)?\))")
# Where those files are in the site.
REPOSITORY = "repository"


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    files.append(File.generated(config, "reference.md", content=reference()))
    linked = {
        name
        for file in files.documentation_pages()
        for name, _ in LINK.findall(file.content_string)
    }
    for name in sorted(linked):
        carried = File.generated(config, _place(name), content=(ROOT / name).read_bytes())
        files.append(carried)
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    return LINK.sub(lambda link: f"]({_place(link[1])}{link[2]}", markdown)


def _place(name: str) -> str:
    """Markdown of the repository stays as it is: it is written for another place."""
    return f"{REPOSITORY}/{name}{'.txt' if name.endswith('.md') else ''}"
