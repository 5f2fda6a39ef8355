"""Native programs that benchmarks run: built by CMake in build/benchmarks, Release."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def build(name: str, *options: str) -> Path:
    """Configure and build the project with these CMake options; the folder it was built in."""
    return _built(ROOT, ROOT / "build" / "benchmarks" / name, *options)


def build_release(source: Path, folder: Path) -> Path:
    """Build the libraries of another copy of the project at full speed; the folder they were built in."""
    return _built(source, folder, "-DCMAKE_BUILD_TYPE=Release")


@cache
def build_native() -> Path:
    """The libraries and `adapt_bench` for this machine, at full speed; the folder they were built in."""
    return build("native", "-DCMAKE_BUILD_TYPE=Release", "-DDESIRE_EDGE_BUILD_BENCHMARKS=ON")


def native_times(rounds: int) -> dict[str, Any]:
    """What `adapt_bench` prints: the core's own times and this machine's limits, without Python."""
    found: dict[str, Any] = json.loads(_run(str(build_native() / "adapt_bench"), str(rounds)))
    return found


def _built(source: Path, folder: Path, *options: str) -> Path:
    _run("cmake", "-S", str(source), "-B", str(folder), *options)
    _run("cmake", "--build", str(folder), "--parallel", str(os.cpu_count() or 1))
    return folder


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise SystemExit(f"{command[0]} failed")
    return done.stdout
