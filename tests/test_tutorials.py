"""The tutorials run: their blocks, one after the other, as a user would type them, and they leave what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "docs" / "tutorials"
LEFT = {
    "texts": ("my.desire", "taught/model.onnx", "report.html"),
    "pictures": ("photos.desire", "taught/model.onnx"),
    "vectors": ("mine.desire", "encoded.desire", "from-python.desire", "taught/model.onnx"),
}


def blocks(name: str) -> list[tuple[str, str]]:
    """The fenced blocks that a reader runs, each its language and its lines; none of what a fence calls `no-test`."""
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    return re.findall(r"^```(sh|python)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_every_tutorial_is_run_and_short() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == set(LEFT)
    for path in FOLDER.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 120
        fences = re.findall(r"^```(\S.*)$", text, re.MULTILINE)
        assert set(fences) <= {"sh", "python", "text", "sh no-test"}
        assert fences.count("sh no-test") <= 2
        assert len(blocks(path.stem)) == fences.count("sh") + fences.count("python")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", LEFT)
def test_a_tutorial_runs_from_its_first_block_to_its_last(name: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    runs = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
    for language, block in blocks(name):
        done = subprocess.run(
            [*runs[language], block],
            check=False,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        print(done.stdout)
    assert [path for path in LEFT[name] if not (tmp_path / path).exists()] == []
    assert not (tmp_path / "never.desire").exists()
