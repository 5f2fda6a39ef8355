"""The extension's type stub says what the extension has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_stub_agrees_with_the_extension() -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "desire_edge._core"]
    found = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
