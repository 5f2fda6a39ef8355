"""The wheel, installed as on a device: `pip install 'desire-edge[cpu]'` into a clean environment, and nothing else."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trained import Trained

from desire_edge import Bundle, Support
from desire_edge.inputs import read_input

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow
OLDEST = "onnxruntime==1.19.2"  # pyproject.toml asks for at least this


@pytest.fixture(scope="session")  # tests of other files run in between
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as `pip install` builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        f"--outdir={folder}",
        f"-Cbuild-dir={folder / 'build'}",
        str(ROOT),
    ]
    result = subprocess.run(build, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (found,) = folder.glob("*.whl")
    return found


class Device:
    """A clean environment with the wheel and its extra [cpu], or with another release of ONNX Runtime."""

    def __init__(self, folder: Path, wheel: Path, runtime: str | None = None) -> None:
        venv.create(folder, with_pip=True)
        self.folder = folder
        pinned = f"--constraint={ROOT / 'constraints.txt'}"
        wanted = [pinned, f"{wheel}[cpu]"] if runtime is None else [str(wheel), runtime]
        self.run("python", "-m", "pip", "install", "--quiet", *wanted)

    def run(self, program: str, *arguments: object, cwd: Path | None = None) -> str:
        """Run a program of the environment, which must succeed; return what it prints."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command = [str(self.folder / "bin" / program), *map(str, arguments)]
        result = subprocess.run(
            command, cwd=cwd or self.folder, env=clean, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout


@pytest.fixture(scope="session")  # tests of other files run in between
def install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str | None], Device]:
    """Makes a device with this ONNX Runtime, each once."""
    return functools.cache(lambda runtime: Device(tmp_path_factory.mktemp("device") / "venv", wheel, runtime))


@pytest.fixture(params=[None, OLDEST])
def device(request: pytest.FixtureRequest, install: Callable[[str | None], Device]) -> Device:
    """A device with the newest and one with the oldest ONNX Runtime we claim."""
    return install(request.param)


def test_the_wheel_holds_the_package_its_extension_and_no_more(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for expected in (
        "desire_edge/cli/__init__.py",
        "desire_edge/export/__init__.py",
        "desire_edge/data/sample.jsonl",
        "desire_edge/evaluation/report/template.html",
        "desire_edge/clients/web/index.html",
        "desire_edge/clients/web/desire-edge/index.js",
        "desire_edge/clients/web/package-lock.json",
    ):
        assert expected in names
    assert [name for name in names if name.startswith("desire_edge/_core.") and name.endswith(".so")]
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == {"desire_edge"}
    assert not [
        name for name in names if "test" in Path(name).name or "__pycache__" in name or "node_modules" in name
    ]


def test_the_oldest_runtime_tested_is_the_one_claimed() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras["cpu"] == [OLDEST.replace("==", ">=")]


def test_a_device_has_neither_torch_nor_onnx(device: Device) -> None:
    names = ("torch", "onnx", "onnxscript", "sklearn", "scipy", "pydantic")
    code = f"from importlib.util import find_spec; print([name for name in {names} if find_spec(name)])"
    assert device.run("python", "-c", code) == "[]\n"
    assert "site-packages" in device.run("python", "-c", "import desire_edge; print(desire_edge.__file__)")


def test_python_started_in_the_clone_says_why_it_cannot_import(
    install: Callable[[str | None], Device],
) -> None:
    device = install(None)
    assert "version" in device.run("desire-edge", "--version", cwd=ROOT), "the command has no such trouble"
    for arguments in (("-c", "import desire_edge"), ("-m", "desire_edge", "--version")):
        command = [device.folder / "bin" / "python", "-B", *arguments]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert result.returncode != 0
        assert (
            f"{ROOT / 'desire_edge'} is the source of desire-edge, without its compiled core: "
            in result.stderr
        )
        assert "start Python in another folder to use the installed package, or install" in result.stderr


def test_a_device_adapts_and_predicts_as_this_process_does(
    device: Device, trained: Trained, tmp_path: Path
) -> None:
    labels = ",".join(trained.labels)
    arguments = (
        trained.bundle,
        "--support",
        trained.support,
        "--labels",
        labels,
        "--out",
        "taught",
        "--json",
    )
    report = json.loads(device.run("desire-edge", "adapt", *arguments, cwd=tmp_path))
    printed = device.run("desire-edge", "predict", "taught/model.onnx", trained.query, "--json", cwd=tmp_path)
    predictions: list[dict[str, Any]] = json.loads(printed)["predictions"]

    task = Bundle.open(trained.bundle, "cpu").adapt(Support.read(trained.support), labels=trained.labels)
    here = task.predict([read_input(Path(row["file"])) for row in predictions])
    there = np.array([[row["probabilities"][label] for label in trained.labels] for row in predictions])
    assert len(predictions) == len(trained.episode.query)
    np.testing.assert_allclose(there, here, rtol=1e-5, atol=1e-7)
    assert report["loss_after"] == pytest.approx(task.report.loss_after, rel=1e-5)
