"""The house's arrows run one way, and its rooms stay small."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "service" / "quotewire"
MAX_LINES = 400

# The domain's words and what every process may ask for: standard library only.
WORDS = {"types", "errors", "lines", "interpreter"}
# What each room may import of the others, beside the words.  cli may use every room.
MAY_IMPORT: dict[str, set[str]] = {
    "types": set(),
    "errors": set(),
    "lines": set(),
    "interpreter": set(),
    "pb": set(),
    "extraction": set(),
    "evaluation": set(),
    "training": {"extraction", "evaluation"},
    "batch": {"extraction"},
    "render": {"batch", "evaluation", "experiments", "extraction"},
    "answers": {"extraction", "render"},
    "experiments": {"extraction", "evaluation"},
    "serving": {"extraction", "experiments", "pb"},
    "streaming": {"pb", "serving"},
    "desk": {"pb", "render", "serving"},
    "client": {"pb", "serving", "streaming"},
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the package, generated stubs left out: its dotted name and its tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] != "pb":
            yield ".".join(parts), ast.parse(path.read_text(encoding="utf-8"))


MODULES = dict(modules())


def room_of(module: str) -> str:
    return module.partition(".")[0]


def imports(tree: ast.Module) -> Iterator[str]:
    """Dotted names of everything imported anywhere in the module, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_imported(tree: ast.Module) -> set[str]:
    return {name.split(".")[1] for name in imports(tree) if name.startswith("quotewire.")} - {
        "__version__"
    }


def test_the_walk_sees_the_package() -> None:
    assert {"types", "lines", "cli.main", "extraction.extractor"} <= MODULES.keys()


def test_arrows_run_one_way() -> None:
    wrong = {}
    for module, tree in MODULES.items():
        room = room_of(module)
        if room in ("cli", "__init__", "__main__"):
            continue
        assert room in MAY_IMPORT, f"a new room {room!r}: say here what it may import"
        if forbidden := rooms_imported(tree) - MAY_IMPORT[room] - WORDS - {room}:
            wrong[module] = forbidden
    assert not wrong


def test_the_words_need_the_standard_library_only() -> None:
    for module in WORDS:
        roots = {name.partition(".")[0] for name in imports(MODULES[module])}
        assert roots <= sys.stdlib_module_names | {"quotewire"}, module


def test_only_the_command_line_prints() -> None:
    printing = {
        module
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    }
    assert {module for module in printing if room_of(module) != "cli"} == set()


def test_only_the_command_line_reads_the_environment() -> None:
    reading = {
        module
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    }
    assert {module for module in reading if room_of(module) != "cli"} == set()


def test_only_convert_knows_protobuf_and_domain_statements() -> None:
    """Elsewhere a message may be passed on, but none is taken apart into a statement."""
    both = {
        module
        for module, tree in MODULES.items()
        if {"quotewire.types.Statement", "quotewire.pb.v1.extraction_pb2"} <= set(imports(tree))
    }
    assert both == {"serving.convert"}


def test_files_stay_small() -> None:
    sizes = {
        str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
        if "pb" not in path.relative_to(PACKAGE).parts
    }
    assert {name: size for name, size in sizes.items() if size > MAX_LINES} == {}
