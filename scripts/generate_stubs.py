#!/usr/bin/env python3
"""Generates ``service/quotewire/pb/v1`` from ``protos/``, or checks that it is fresh.

    scripts/generate_stubs.py           write the stubs
    scripts/generate_stubs.py --check   regenerate into a temporary folder and compare; exit 1 and
                                        name the files if they differ

The stubs live inside the package (``quotewire.pb.v1``) while the descriptors keep the names of the
contract (``quotewire/v1/…``, what reflection and other languages see), so the imports between the
generated files are rewritten.  Type stubs come from mypy-protobuf.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
STUBS = ROOT / "service" / "quotewire" / "pb" / "v1"
# A module of ours: quotewire.v1.extraction_pb2, or "from quotewire.v1 import extraction_pb2".
OUR_MODULE = re.compile(r"\bquotewire\.v1(?=\.\w+_pb2|\s+import\s+\w+_pb2)")


def generate(into: Path) -> None:
    """Writes all stubs flat into the folder ``into``."""
    with tempfile.TemporaryDirectory() as scratch:
        well_known = resources.files("grpc_tools") / "_proto"
        command = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{PROTOS}",
            f"-I{well_known}",
            f"--python_out={scratch}",
            f"--grpc_python_out={scratch}",
            f"--mypy_out=quiet:{scratch}",
            f"--mypy_grpc_out=quiet:{scratch}",
            *sorted(str(path) for path in (PROTOS / "quotewire" / "v1").glob("*.proto")),
        ]
        # protoc finds mypy-protobuf's plugins on PATH; they lie beside this interpreter.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        subprocess.run(command, check=True, env={**os.environ, "PATH": path})
        into.mkdir(parents=True, exist_ok=True)
        for source in sorted((Path(scratch) / "quotewire" / "v1").iterdir()):
            if "_pb2_grpc." in source.name and "Stub" not in source.read_text(encoding="utf-8"):
                continue  # a file of messages has no service to call
            text = OUR_MODULE.sub("quotewire.pb.v1", source.read_text(encoding="utf-8"))
            (into / source.name).write_text(text, encoding="utf-8")
        (into / "__init__.py").write_text(
            '"""Stubs generated from protos/quotewire/v1 by scripts/generate_stubs.py."""\n',
            encoding="utf-8",
        )


def contents(folder: Path) -> dict[str, str]:
    files = folder.iterdir() if folder.is_dir() else ()
    return {f.name: f.read_text(encoding="utf-8") for f in files if f.suffix in (".py", ".pyi")}


def stale() -> list[str]:
    """Names of the stub files that differ from what the protos give now, missing ones included."""
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        fresh, present = contents(Path(scratch)), contents(STUBS)
    return sorted(
        name for name in fresh.keys() | present.keys() if fresh.get(name) != present.get(name)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    if parser.parse_args().check:
        names = stale()
        if names:
            print(f"stale stubs in {STUBS}: {', '.join(names)}", file=sys.stderr)
            print("run scripts/generate_stubs.py and commit the result", file=sys.stderr)
            return 1
        print("stubs are fresh")
        return 0
    for old in contents(STUBS):
        (STUBS / old).unlink()
    generate(STUBS)
    print(f"wrote {len(contents(STUBS))} files to {STUBS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
