"""The walls of the house: what runs on a device never imports what only a server has, training never imports what runs
on a device, a report never imports what trains, no imports run in a circle, and no file is long.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import accumulate
from pathlib import Path

import pytest

import desire_edge

ROOT = Path(__file__).parents[1]
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
DEVICE_EXTRAS = {"PIL", "tokenizers"}  # what some kinds of input need, imported where it is needed
# What a format of examples needs: imported where a file of it is read, and a sentence says so where it is missing.
FORMAT_PACKAGES = {"pyarrow", "arff"}
READERS = PACKAGE / "inputs" / "readers"
# Of the lexicon's files, these read word vectors from their sources and write the compact file: server side.
LEXICON_ON_THE_SERVER = {"build.py", "sources.py", "readers.py"}
DEVICE_ROOMS = (
    "desire_edge.coverage",
    "desire_edge.errors",
    "desire_edge.files",
    "desire_edge.inputs",
    "desire_edge.lazy",
    "desire_edge.lexicon",
    "desire_edge.runtime",
    "desire_edge.scalars",
    "desire_edge._core",
)
DEVICE_FILES = [
    PACKAGE / "coverage.py",
    PACKAGE / "errors.py",
    PACKAGE / "files.py",
    PACKAGE / "lazy.py",
    PACKAGE / "scalars.py",
    *sorted((PACKAGE / "inputs").rglob("*.py")),
    *sorted((PACKAGE / "runtime").rglob("*.py")),
    *sorted(path for path in (PACKAGE / "lexicon").rglob("*.py") if path.name not in LEXICON_ON_THE_SERVER),
]


@pytest.mark.parametrize(
    "modules",
    ["desire_edge", *(f"desire_edge.{room}" for room in ("inputs", "runtime", "lexicon", "cli", "_core"))],
)
def test_importing_a_device_room_imports_nothing_of_the_server(modules: str) -> None:
    code = f"import sys, {modules}; print([name for name in {(*SERVER, *DEVICE_EXTRAS)!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def imported(path: Path, *, anywhere: bool = True) -> set[str]:
    """The full names of all modules and objects that a file imports, for type checking only too.

    Anywhere in it, or only as it is imported itself.
    """
    names: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if anywhere else tree.body:
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
            lazily = path.is_relative_to(READERS) and name not in imported(path, anywhere=False)
            allowed = DEVICE_PACKAGES | DEVICE_EXTRAS | (FORMAT_PACKAGES if lazily else set())
            assert top in allowed or top in sys.stdlib_module_names, f"{path.name} imports {name}"


# The graph of imports, between the package's own modules.

MODULES = {
    ".".join([room, *path.relative_to(folder).with_suffix("").parts]).removesuffix(".__init__"): path
    for room, folder in (("desire_edge", PACKAGE), ("desire_edge.export", ROOT / "export"))
    for path in folder.rglob("*.py")
    if "clients" not in path.relative_to(folder).parts
}


def named(module: str) -> Iterator[str]:
    """What a module imports, each as the module it stands in: one of `MODULES`, or a name from outside."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    for name in imported(MODULES[module]):
        full = f"{package}.{name[1:]}" if name.startswith(".") else name
        object_of = full.rpartition(".")[0]
        yield (
            full if full in MODULES or object_of not in MODULES or full == "desire_edge._core" else object_of
        )


GRAPH = {module: set(named(module)) for module in MODULES}


def reached(start: Iterable[str], *, packages: bool = True) -> set[str]:
    """All that is named from the modules `start` on; with the packages these stand in, whose `__init__` runs too."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += GRAPH.get(name, ())
            waiting += accumulate(name.split("."), "{}.{}".format) if packages else ()
    return found


def in_rooms(*rooms: str) -> list[str]:
    """The modules that are one of `rooms` or stand in one."""
    found = [name for name in MODULES if any(name == room or name.startswith(f"{room}.") for room in rooms)]
    assert found
    return found


def test_no_imports_run_in_a_circle() -> None:
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_training_never_imports_what_runs_on_a_device() -> None:
    found = reached(
        in_rooms("desire_edge.training", "desire_edge.models", "desire_edge.data"), packages=False
    )
    assert not found & set(in_rooms("desire_edge.runtime"))


@pytest.mark.parametrize(
    "room", ["metrics", "serving", *(room.partition(".")[2] for room in DEVICE_ROOMS[:-1])]
)
def test_a_device_room_reaches_neither_torch_nor_onnx(room: str) -> None:
    tops = {name.partition(".")[0] for name in reached(in_rooms(f"desire_edge.{room}"))}
    assert not tops & {"torch", "onnx", "onnxscript"}


LOOPS = ("training.stages", "training.pretrain", "training.thresholds", "evaluation.comparison.runner")


@pytest.mark.parametrize("report", ["kept", "summary", "markdown", "plots", "results"])
def test_a_report_never_reaches_what_trains(report: str) -> None:
    found = reached([f"desire_edge.evaluation.comparison.{report}"])
    assert not found & {f"desire_edge.{loop}" for loop in LOOPS}


SOURCES = {".py", ".pyi", ".c", ".h", ".cpp", ".hpp", ".js", ".mjs", ".css"}
LONGEST = 400


def test_no_source_file_is_long() -> None:
    """Files in folders of sources that git follows or may: not what npm and CMake put there."""
    folders = ("desire_edge", "export", "csrc", "tests", "benchmarks", "examples")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in SOURCES]
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in files
        if not {"node_modules", "build", "dist"} & set(path.parts)
    }
    assert len(lengths) > 200
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_nothing_is_pickled(path: Path) -> None:
    assert not {name.partition(".")[0] for name in imported(path)} & {"pickle", "shelve", "dill", "joblib"}
    source = path.read_text(encoding="utf-8")
    for call in ("torch.save(", "allow_pickle=True"):
        assert call not in source
    assert source.count("torch.load(") == source.count("weights_only=True")  # tensors, and no code
