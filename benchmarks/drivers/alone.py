"""One process at a time: what is built or installed in the repository is so for all that run tests side by side."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = Path(__file__).parents[2] / "build" / ".lock"


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other process is in here."""
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the system lets go of it however this ends
        yield
