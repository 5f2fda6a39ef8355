"""What the tests of the C++ client share: its programs, built, and ways to run them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drivers.cpp import TOOLS, build_programs, finished

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of `desire_edge_app` and `probe`; they stay built, so that a later run builds what changed."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        assert os.environ.get("CI") != "true", f"CI must build the C++ client, and lacks {', '.join(missing)}"
        pytest.skip(f"needs {', '.join(missing)}")
    return build_programs()


@pytest.fixture
def app(programs: Path, tmp_path: Path) -> Run:
    """Run `desire_edge_app` in `tmp_path`."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(programs / "desire_edge_app"), *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def refused_by_app(app: Run, tmp_path: Path) -> Callable[..., str]:
    """Run `desire_edge_app`, which must refuse with exit code 2 and write nothing; return its one sentence."""

    def run(*arguments: object) -> str:
        before = {path: path.read_bytes() for path in tmp_path.rglob("taught/*")}
        names = set(tmp_path.iterdir())
        done = app(*arguments)
        assert done.returncode == 2, done
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ") and len(line) < 600
        assert {path: path.read_bytes() for path in tmp_path.rglob("taught/*")} == before
        assert set(tmp_path.iterdir()) == names
        return line

    return run


@pytest.fixture
def probe(programs: Path) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Ask the client's parts; see probe.cpp."""

    def ask(questions: dict[str, Any]) -> dict[str, Any]:
        answers: dict[str, Any] = json.loads(finished(programs / "probe", given=json.dumps(questions)))
        return answers

    return ask
