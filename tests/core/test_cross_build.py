"""The core on 64-bit ARM: cross-compiled, run under qemu-user, on the same tasks and to the same tolerances as here."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from core.cases import CORNERS, realistic
from core.reference import Model, Task, adapt, lowrank_arrays, project, relative_error
from drivers.adapt_file import read_output, write_input
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
TOOLCHAIN = ROOT / "csrc" / "toolchains" / "aarch64-linux-gnu.cmake"
TOOLS = ("cmake", "cc", "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++", "qemu-aarch64")
QEMU = ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu")
TOLERANCES = {"f64": 1e-9, "f32": 1e-5}
CASES = {"realistic": realistic(), **CORNERS}

pytestmark = pytest.mark.slow

Adapt = Callable[[str, str], tuple[NDArray[np.float64], NDArray[np.float64]]]


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def built(folder: Path, *options: str | Path) -> Path:
    """The project with its C tests, built in `folder` without a warning."""
    run("cmake", "-S", ROOT, "-B", folder, "-DDESIRE_EDGE_BUILD_TESTS=ON", *options)
    assert "warning" not in run("cmake", "--build", folder, "--parallel", "2").lower()
    return folder


@pytest.fixture(scope="module")
def aarch64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build for ARM, made for size as for a small device."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        assert os.environ.get("CI") != "true", f"CI must cross-compile, and lacks {', '.join(missing)}"
        pytest.skip(f"needs {', '.join(missing)}")
    return built(
        tmp_path_factory.mktemp("aarch64"),
        f"-DCMAKE_TOOLCHAIN_FILE={TOOLCHAIN}",
        "-DCMAKE_BUILD_TYPE=MinSizeRel",
    )


@pytest.fixture(scope="module")
def adapt_on_arm(aarch64: Path, tmp_path_factory: pytest.TempPathFactory) -> Adapt:
    """Adapt to a case in a precision, under qemu."""
    return adapter((*QEMU, str(aarch64 / "adapt_file")), tmp_path_factory.mktemp("arm"))


@pytest.fixture(scope="module")
def adapt_here(aarch64: Path, tmp_path_factory: pytest.TempPathFactory) -> Adapt:
    """Adapt to a case in a precision, by the same program on this machine."""
    native = built(tmp_path_factory.mktemp("native"), "-DCMAKE_BUILD_TYPE=Release")
    return adapter((str(native / "adapt_file"),), tmp_path_factory.mktemp("here"))


def adapter(program: tuple[str, ...], folder: Path) -> Adapt:
    def adapted(case: str, precision: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        model, task = CASES[case]
        write_input(folder / "input", {**lowrank_arrays(model), **task.arrays()}, queries(task))
        run(*program, precision, folder / "input", folder / "output")
        return read_output(folder / "output", task.w_novel.shape[1], len(task.step_sizes))

    return adapted


def queries(task: Task) -> NDArray[np.float64]:
    """Fresh rows like the task's."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(4, len(task.w_novel), generator=generator, dtype=torch.float64).numpy()


def expected(model: Model, task: Task) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Losses and logits by autograd."""
    models, losses = adapt(model, task)
    return losses, project(models[-1], torch.from_numpy(queries(task)), task.w_novel).detach().numpy()


def test_the_c_tests_pass_on_arm(aarch64: Path) -> None:
    found = run("ctest", "--test-dir", aarch64, "--output-on-failure")
    assert "0 tests failed" in found and "No tests were found" not in found


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("precision", TOLERANCES)
def test_adaptation_on_arm_is_that_of_autograd(precision: str, case: str, adapt_on_arm: Adapt) -> None:
    losses, logits = adapt_on_arm(case, precision)
    expected_losses, expected_logits = expected(*CASES[case])
    assert relative_error(losses, expected_losses) <= TOLERANCES[precision]
    assert relative_error(logits, expected_logits) <= TOLERANCES[precision]


@pytest.mark.parametrize("precision", TOLERANCES)
def test_arm_and_this_machine_agree(precision: str, adapt_on_arm: Adapt, adapt_here: Adapt) -> None:
    for found, here in zip(
        adapt_on_arm("realistic", precision), adapt_here("realistic", precision), strict=True
    ):
        assert relative_error(found, here) <= TOLERANCES[precision]
