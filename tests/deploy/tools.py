"""Programs that the tests of deploy/ run where they are; `make test` brings them on Debian."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Where the Makefile unpacks Debian packages of which only a program is wanted.
UNPACKED = Path(sys.prefix) / "tools" / "usr" / "bin"


def program(name: str, *, package: str) -> str:
    """Its path; skips the test (in CI: fails it) where there is none."""
    return shutil.which(name) or shutil.which(name, path=UNPACKED) or missing(name, package=package)


def compose() -> list[str]:
    """The command for docker compose, version 2 or 1; likewise."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if not shutil.which(command[0]):
            continue
        if subprocess.run([*command, "version"], capture_output=True).returncode == 0:
            return command
    return [missing("docker compose", package="docker-compose")]


def missing(name: str, *, package: str) -> str:
    reason = f"needs {name} (Debian package {package}; make test brings it on Debian)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
