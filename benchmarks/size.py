"""How small the core is: `python benchmarks/size.py` writes results/size.json.

The shared library for 64-bit ARM, optimised for size and stripped, and what one adaptation (5 x 5, d = h = 300, 5
steps) takes of stack and heap, by valgrind's massif on the native build of the same kind. Needs cmake, valgrind and
Debian's gcc-aarch64-linux-gnu, g++-aarch64-linux-gnu and qemu-user.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from drivers.adapt_file import MODEL, TASK, read_output, write_input
from native import ROOT, build
from problem import HIDDEN, random_problem, relative_error
from record import write_result

TOOLCHAIN = "csrc/toolchains/aarch64-linux-gnu.cmake"
FOR_SIZE = ("-DCMAKE_BUILD_TYPE=MinSizeRel", "-DDESIRE_EDGE_BUILD_TESTS=ON")
STRIPPED = "-DCMAKE_SHARED_LINKER_FLAGS=-s"
QEMU = ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu")


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the whole result, not the metrics alone")
    arguments = parser.parse_args()
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE={ROOT / TOOLCHAIN}"
    small = build("aarch64-small", toolchain, *FOR_SIZE)
    fast = build("aarch64-fast", toolchain, "-DCMAKE_BUILD_TYPE=Release", STRIPPED)
    native = build("native-small", *FOR_SIZE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_problem(folder / "input")
        check(folder, small)
        memory = adaptation_memory(folder, native / "adapt_file")
    metrics = {
        "library_bytes_aarch64": library(small).stat().st_size,
        "library_bytes_aarch64_release": library(fast).stat().st_size,
        **memory,
    }
    path = write_result(
        "size",
        metrics,
        aarch64={
            "cmake": [f"-DCMAKE_TOOLCHAIN_FILE={TOOLCHAIN}", *FOR_SIZE[:-1]],
            "needed": needed(library(small)),
            "sections": sections(library(small)),
            "stdlib": "libstdc++ and libgcc are linked dynamically, and are not part of the figure",
        },
        memory="float32; the heap is that of model, labels and workspace; the caller has the head beside it",
    )
    print(path.read_text(encoding="utf-8") if arguments.json else json.dumps(metrics, indent=2))


def write_problem(path: Path) -> None:
    """The task of 5 examples and 5 labels that `benchmarks/adapt.py` measures."""
    problem = random_problem(5, 5, 600)
    write_input(path, {name: getattr(problem, name) for name in (*TASK, *MODEL)}, problem.query)


def check(folder: Path, built: Path) -> None:
    """The library whose size is reported passes the C tests; its code agrees in single precision with double."""
    run(*QEMU, str(built / "c_abi_shared"))
    results = {}
    for precision in ("f32", "f64"):
        run(*QEMU, str(built / "adapt_file"), precision, str(folder / "input"), str(folder / "output"))
        results[precision] = read_output(folder / "output", 5, 5)[1]
    error = relative_error(results["f32"], results["f64"])
    assert np.isfinite(error) and error <= 1e-5, f"off by {error:.1e}"


def adaptation_memory(folder: Path, program: Path) -> dict[str, float]:
    """The peaks of stack and heap while the program adapts; of the heap, less what it takes without adapting."""
    idle, busy = (massif_peaks(folder, str(program), mode) for mode in ("none", "f32"))
    return {
        "peak_stack_bytes": busy["stacks"],
        "peak_heap_bytes": busy["heap"] - idle["heap"],
        "head_bytes": 4 * (2 * HIDDEN * 5 + HIDDEN * HIDDEN + (HIDDEN + 1) ** 2),
    }


def massif_peaks(folder: Path, program: str, mode: str) -> dict[str, int]:
    """The largest heap and the largest stack of a run, in bytes."""
    out = folder / "massif"
    massif = (
        "valgrind",
        "--tool=massif",
        "--stacks=yes",
        f"--massif-out-file={out}",
        "--peak-inaccuracy=0.0",
    )
    run(*massif, program, mode, str(folder / "input"), str(folder / "output"))
    snapshots = out.read_text()
    return {
        kind: max(int(found) for found in re.findall(rf"^mem_{kind}_B=(\d+)$", snapshots, re.MULTILINE))
        for kind in ("heap", "stacks")
    }


def library(folder: Path) -> Path:
    """The shared library of a build."""
    return next(path for path in folder.glob("libdesire_edge.so.*") if not path.is_symlink())


def needed(path: Path) -> list[str]:
    """The libraries it is linked to at run time."""
    return re.findall(r"\(NEEDED\).*\[(.+)\]", run("aarch64-linux-gnu-readelf", "-d", str(path)))


def sections(path: Path) -> dict[str, int]:
    """Bytes of its largest sections."""
    rows = re.findall(r"^(\.\S+)\s+(\d+)", run("aarch64-linux-gnu-size", "-A", str(path)), re.MULTILINE)
    largest = sorted(((int(size), name) for name, size in rows), reverse=True)[:6]
    return {name: size for size, name in largest}


def run(*command: str) -> str:
    """What a command prints; it must succeed."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
