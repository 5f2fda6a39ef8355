"""Native programs that benchmarks run: built by CMake in build/benchmarks, Release."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def build(name: str, *options: str) -> Path:
    """Configure and build the project with these CMake options; the folder it was built in."""
    folder = ROOT / "build" / "benchmarks" / name
    _run("cmake", "-S", str(ROOT), "-B", str(folder), *options)
    _run("cmake", "--build", str(folder), "--parallel", str(os.cpu_count() or 1))
    return folder


def native_times(*arguments: str) -> dict[str, Any]:
    """What `adapt_bench` prints: the core's own times, without Python."""
    folder = build("native", "-DCMAKE_BUILD_TYPE=Release", "-DDESIRE_EDGE_BUILD_BENCHMARKS=ON")
    found: dict[str, Any] = json.loads(_run(str(folder / "adapt_bench"), *arguments))
    return found


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise SystemExit(f"{command[0]} failed")
    return done.stdout
