"""A real PostgreSQL of the test's own: in a temporary folder, reached by a socket in it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

# The server refuses to run as root; Debian's package makes this user.
USER = "postgres"


@dataclass(frozen=True)
class Postgres:
    """A server that can be stopped and started again."""

    programs: Path
    folder: Path

    @property
    def dsn(self) -> str:
        return f"postgresql://quotewire@/postgres?host={quote(str(self.folder), safe='')}"

    def start(self) -> None:
        # fsync off: nothing of it outlives the test.
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off"
        self.run("pg_ctl", "-w", "-D", "data", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        """As a crash: connections are cut."""
        self.run("pg_ctl", "-w", "-D", "data", "-m", "immediate", "stop")

    def run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self.programs / program), *arguments],
            cwd=self.folder,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=120,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": str(self.folder)},
            **({"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}),
        )


def programs() -> Path:
    """Where initdb and pg_ctl are; skips (in CI: fails) where they are not."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path).resolve())
    if not found:
        reason = "needs initdb (Debian package postgresql; make test installs it where it may)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found[-1].parent


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    where = programs()
    # Not pytest's folder: other users may not look into that.
    folder = Path(tempfile.mkdtemp(prefix="quotewire-pg-", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            user = pwd.getpwnam(USER)
            os.chown(folder, user.pw_uid, user.pw_gid)
        server = Postgres(where, folder)
        server.run("initdb", "-D", "data", "-U", "quotewire", "-A", "trust", "--no-sync")
        server.start()
        try:
            yield server
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                server.stop()
    finally:
        shutil.rmtree(folder)
