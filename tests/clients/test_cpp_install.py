"""What `cmake --install` gives: the client's program, and its library for a program of one's own."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from drivers.cpp import ROOT, finished

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PROGRAM = """
#include "bundle.h"
#include "files.h"

int main() {{
{body}
  return task.labels.entries.size() == 1 ? 0 : 1;
}}
"""


@pytest.fixture(scope="module")
def installed(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the client is installed into."""
    build, prefix = programs.parents[1], tmp_path_factory.mktemp("prefix")
    finished(
        "cmake", "--build", build, "--parallel", "2", "--target", "desire_edge_shared", "desire_edge_app"
    )
    finished("cmake", "--install", build, "--prefix", prefix)
    return prefix


def test_the_program_runs_where_it_is_installed(installed: Path) -> None:
    assert "desire_edge_app adapt BUNDLE" in finished(installed / "bin" / "desire_edge_app", "--help")


def test_a_program_of_ones_own_is_built_with_the_library_as_its_readme_says(
    installed: Path, tmp_path: Path
) -> None:
    readme = (ROOT / "desire_edge" / "clients" / "cpp" / "README.md").read_text(encoding="utf-8")
    (body,) = re.findall("```cpp\n(.*?)```", readme, re.DOTALL)
    (command,) = re.findall(r"^c\+\+ (?:.*\\\n)*.*", readme, re.MULTILINE)
    (tmp_path / "mine.cpp").write_text(PROGRAM.format(body=body))
    command = command.replace("PREFIX", str(installed)).replace("FOLDER", str(ROOT / "build" / "onnxruntime"))
    finished("sh", "-c", f"cd {tmp_path} && {command}")

    (tmp_path / "tagger.desire").symlink_to(ROOT / "tests" / "vectors" / "plain")
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "a.txt").write_text("Warm bread")
    (tmp_path / "examples" / "metadata.csv").write_text("file_name;labels\na.txt;baking\n")
    environment = {"LD_LIBRARY_PATH": f"{installed / 'lib'}:{ROOT / 'build' / 'onnxruntime' / 'lib'}"}
    done = subprocess.run(
        [tmp_path / "mine"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done
    assert {path.name for path in (tmp_path / "taught").iterdir()} == {"model.onnx", "task.safetensors"}
