"""The library as a C user meets it: built and installed by CMake, its header read by a C99 compiler."""

from __future__ import annotations

import ctypes
import importlib.metadata
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from desire_edge import _core

ROOT = Path(__file__).parents[2]
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform == "win32" or shutil.which("cmake") is None or shutil.which("cc") is None,
        reason="needs cmake and a C compiler on the path",
    ),
]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    run(
        "cmake",
        "-S",
        ROOT,
        "-B",
        folder,
        "-DDESIRE_EDGE_BUILD_TESTS=ON",
        "-DCMAKE_BUILD_TYPE=Release",
        cwd=folder,
    )
    assert "warning" not in run("cmake", "--build", folder, "--parallel", "2", cwd=folder).lower()
    return folder


@pytest.fixture(scope="module")
def installed(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", build, "--prefix", prefix, cwd=prefix)
    return prefix


def shared_library(installed: Path) -> Path:
    return next(path for path in installed.glob("lib*/libdesire_edge.*") if path.suffix in {".so", ".dylib"})


def test_the_c_tests_pass_against_both_libraries(build: Path) -> None:
    found = run("ctest", "--output-on-failure", cwd=build)
    assert "2 tests passed" in found or "0 tests failed out of 2" in found


def test_a_c99_program_compiles_and_runs_against_what_is_installed(installed: Path, tmp_path: Path) -> None:
    library = shared_library(installed).parent
    sources = sorted((ROOT / "tests" / "core").glob("c_*.c"))
    run("cc", *STRICT, f"-I{installed / 'include'}", *sources, "-o", "program", f"-L{library}", "-ldesire_edge",
        f"-Wl,-rpath,{library}", "-lm", cwd=tmp_path)  # fmt: skip
    assert run(tmp_path / "program", cwd=tmp_path) == "all passed\n"


def test_the_example_adapts_on_a_gateway(installed: Path, tmp_path: Path) -> None:
    library = shared_library(installed).parent
    run("cc", *STRICT, f"-I{installed / 'include'}", ROOT / "examples" / "gateway.c", "-o", "gateway",
        f"-L{library}", "-ldesire_edge", f"-Wl,-rpath,{library}", "-lm", cwd=tmp_path)  # fmt: skip
    loss, *labels = run(tmp_path / "gateway", cwd=tmp_path).splitlines()
    by_name, held_out = (float(value) for value in re.findall(r"\d+\.\d+", loss))
    assert held_out < by_name
    assert [line.rsplit(" ", 1)[1] for line in labels] == ["yes", "no"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads an ELF library")
def test_the_library_exports_what_its_header_declares_and_no_more(installed: Path) -> None:
    headers = [path.name for path in (installed / "include").iterdir()]
    assert headers == ["desire_edge.h"]
    text = (installed / "include" / headers[0]).read_text()
    declared = re.findall(r"^DESIRE_EDGE_API[^;(]*?(desire_edge_\w+)\(", text, re.MULTILINE)
    assert "desire_edge_learn" in declared
    assert "desire_edge_adapt_dense_f64" not in declared
    symbols = run("nm", "-D", "--defined-only", shared_library(installed), cwd=installed).split()
    assert sorted(name for name in symbols if "desire_edge" in name) == sorted(declared)


def test_library_extension_and_package_are_of_one_version(installed: Path) -> None:
    library = ctypes.CDLL(str(shared_library(installed)))
    library.desire_edge_version.restype = ctypes.c_char_p
    version = library.desire_edge_version().decode()
    assert version == _core.version() == importlib.metadata.version("desire-edge")
