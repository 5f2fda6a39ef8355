"""The wall between server and device: what runs on a device never imports what only a server has."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import desire_edge

PACKAGE = Path(desire_edge.__file__).parent
SERVER = (
    "torch",
    "onnx",
    "onnxscript",
    "sklearn",
    "scipy",
    "pandas",
    "pydantic",
    "matplotlib",
    "arff",
    "pooch",
    "pyarrow",
    "msgpack",
)
DEVICE_PACKAGES = {"numpy", "safetensors", "click", "rich", "onnxruntime"}
# Of the lexicon's files, these read word vectors from their sources and write the compact file: server side.
LEXICON_ON_THE_SERVER = {"build.py", "sources.py", "readers.py"}
DEVICE_ROOMS = (
    "desire_edge.errors",
    "desire_edge.files",
    "desire_edge.inputs",
    "desire_edge.lexicon",
    "desire_edge.runtime",
    "desire_edge._core",
)
DEVICE_FILES = [
    PACKAGE / "errors.py",
    PACKAGE / "files.py",
    *sorted((PACKAGE / "inputs").rglob("*.py")),
    *sorted((PACKAGE / "runtime").rglob("*.py")),
    *sorted(path for path in (PACKAGE / "lexicon").rglob("*.py") if path.name not in LEXICON_ON_THE_SERVER),
]


@pytest.mark.parametrize(
    "modules",
    ["desire_edge", *(f"desire_edge.{room}" for room in ("inputs", "runtime", "lexicon", "cli", "_core"))],
)
def test_importing_a_device_room_imports_nothing_of_the_server(modules: str) -> None:
    code = f"import sys, {modules}; print([name for name in {SERVER!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def imported(path: Path) -> set[str]:
    """The full names of all modules and objects that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", DEVICE_FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_of_the_device_names_only_what_a_device_has(path: Path) -> None:
    for name in imported(path):
        top = name.partition(".")[0]
        if top == "desire_edge":
            assert name.startswith(DEVICE_ROOMS), f"{path.name} imports {name}"
            assert not name.startswith(
                tuple(f"desire_edge.lexicon.{file.removesuffix('.py')}" for file in LEXICON_ON_THE_SERVER)
            ), f"{path.name} imports {name}"
        else:
            assert top in DEVICE_PACKAGES or top in sys.stdlib_module_names, f"{path.name} imports {name}"


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_nothing_is_pickled(path: Path) -> None:
    assert not {name.partition(".")[0] for name in imported(path)} & {"pickle", "shelve", "dill", "joblib"}
    for call in ("torch.load(", "torch.save(", "allow_pickle=True"):
        assert call not in path.read_text(encoding="utf-8")
