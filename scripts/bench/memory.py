"""What memory a process holds, from Linux's /proc."""

from __future__ import annotations

import os
from pathlib import Path


def resident_bytes(pid: int | None = None, *, peak: bool = False) -> int:
    """Resident memory of a process (this one without ``pid``) now, or the most it ever held."""
    field = "VmHWM:" if peak else "VmRSS:"
    status = Path(f"/proc/{pid or os.getpid()}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith(field)]
    return int(line.split()[1]) * 1024
