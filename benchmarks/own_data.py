"""Ours and what a user would write in scikit-learn, on several data sets: `python benchmarks/own_data.py` writes
results/own_data.json and docs/own-data.md.

Each row is trained by `desire-edge train` in a process of its own, whose seconds and peak
memory are noted, and then measured on its novel labels with 2 to 20 ways and 1 or 5 shots, every method on the same
tasks. A finished run in `--runs` is measured again; with `--resume` a stopped one is continued, else it is begun anew.
Two parts more (`--part`): `static_lexicon`, and `kinds`, how far the clients agree on what the rows' bundles make of
files.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from own_data_page import write_page
from record import merge_result

from desire_edge.files import read_json, write_json

ROWS: dict[str, tuple[str, ...]] = {
    "debtags_minilm": ("--data", "debtags", "--backbone", "minilm"),
    "debtags_words": ("--data", "debtags", "--backbone", "words"),
    "openmoji_efficientnet_lite0": ("--data", "openmoji", "--backbone", "efficientnet-lite0"),
    "delicious_mlp": ("--data", "delicious", "--backbone", "mlp"),
    "sample_words": ("--data", "sample", "--backbone", "words"),
    "sample_mlp": ("--data", "sample", "--backbone", "mlp"),
}
"""Name -> what `desire-edge train` is asked for."""
KINDS = ("debtags_minilm", "debtags_words", "openmoji_efficientnet_lite0", "delicious_mlp")
"""The rows whose bundles take each kind of input."""
PARTS = ("static_lexicon", "kinds")
NOTHING: dict[str, float] = {"seconds": 0.0, "cpu_seconds": 0.0, "peak_bytes": 0}
TRAINED = "training.json"  # beside a run: what its training took
KIB = 1 if sys.platform == "darwin" else 1024  # what the system counts a process's peak memory in


def train(folder: Path, arguments: tuple[str, ...], *, resume: bool) -> dict[str, float]:
    """Train in a process of its own, unless that is done: seconds by the clock and of CPU time, most bytes held.

    Where it took several goes the seconds are those of all, and the memory that of the largest.
    """
    run, noted = folder / "run", folder / TRAINED
    taken = read_json(noted) if noted.is_file() else {**NOTHING, "finished": False}
    if taken["finished"]:
        return {name: taken[name] for name in NOTHING}
    begun = (run / "config.json").is_file()
    if begun and not resume:
        shutil.rmtree(run)
        taken = dict(NOTHING)
    command = ["--resume", str(run)] if begun and resume else [*arguments, "--out", str(run)]
    started = time.perf_counter()
    # This process has imported little yet: a child's peak is never below what its parent held when it was made.
    process = subprocess.Popen([sys.executable, "-m", "desire_edge", "train", *command])
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except KeyboardInterrupt:  # it is told too, and ends so that it can be continued
        _, status, usage = os.wait4(process.pid, 0)
    taken["seconds"] += time.perf_counter() - started
    taken["cpu_seconds"] += usage.ru_utime + usage.ru_stime
    taken["peak_bytes"] = max(taken["peak_bytes"], KIB * usage.ru_maxrss)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(noted, {**taken, "finished": status == 0})
    if status != 0:
        raise SystemExit(f"training {run} failed; go on with --resume")
    return {name: taken[name] for name in NOTHING}


def measure(
    name: str, folder: Path, taken: dict[str, float], tasks: int, cells: list[tuple[int, int]]
) -> None:
    """Measure the run of a row and write its part of the result."""
    import torch
    from rich.console import Console

    from desire_edge.cli.progress import show_steps
    from desire_edge.evaluation.own import compare
    from desire_edge.training.run import Run

    torch.set_num_threads(1)
    run = Run.open(folder / "run", torch.device("cpu"))
    with show_steps(Console(stderr=True)) as report:
        found = compare(run, cells, tasks=tasks, report=report)
    metrics = {f"{name}_train_{what}": value for what, value in taken.items()}
    for cell in found:
        metrics |= {f"{name}_{figure}": value for figure, value in cell.metrics().items()}
    details: dict[str, Any] = {
        "trained_with": ROWS[name],
        "settings": run.config.model_dump(mode="json"),
        "source": run.data.dataset.source,
        "tuned": read_json(folder / "run" / "baselines.json")["cells"],
        "cells": {cell.name: cell.to_json() for cell in found},
    }
    print(merge_result("own_data", name, metrics, details))
    write_page()


def measure_static_lexicon() -> None:
    """Measure the lexicon that comes with the package, in Python and in C++."""
    from drivers.cpp import text_microseconds
    from parts import static_lexicon

    from desire_edge.data import load_dataset
    from desire_edge.lexicon.static import STATIC

    found = static_lexicon.measure()
    texts = load_dataset("sample").texts or ()
    metrics = {**found.metrics, "static_text_cpp_ms": text_microseconds(STATIC, texts) / 1000}
    print(merge_result("own_data", "static_lexicon", metrics, found.details))


def measure_kinds(runs: Path) -> None:
    """Export the rows' finished runs and compare the clients on the query files of a task of each."""
    import numpy as np
    import torch
    from parts import kinds_agree

    from desire_edge.evaluation.folders import write_episode
    from desire_edge.evaluation.own import novel_tasks
    from desire_edge.export import ExportOptions, export_bundle
    from desire_edge.training.run import Run

    examples = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in KINDS:
            run, folder = Run.open(runs / name / "run", torch.device("cpu")), Path(temporary) / name
            export_bundle(run, folder / "tagger.desire", ExportOptions())
            task = novel_tasks(run, 5, 5, eligible_only=False).sample(np.random.default_rng(0))
            write_episode(run.data.dataset, task, folder / "task")
            files = sorted(set((folder / "task/query").iterdir()) - {folder / "task/query/metadata.jsonl"})
            examples[name] = (folder / "tagger.desire", files)
        found = kinds_agree.measure(examples)
    print(merge_result("own_data", "kinds", found.metrics, found.details))


def main() -> None:
    """Train what is missing, measure, and write the result; a process a part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = (*ROWS, *PARTS)
    parser.add_argument("--part", choices=names, metavar="PART", help=f"one of {', '.join(names)}")
    parser.add_argument("--resume", action="store_true", help="continue a stopped run")
    parser.add_argument("--runs", type=Path, default=Path("runs/own_data"), help="where the runs are kept")
    parser.add_argument("--tasks", type=int, default=300, help="tasks a cell")
    parser.add_argument("--cells", default="2w5s,5w1s,5w5s,10w1s,10w5s,20w5s", help="ways and shots")
    arguments = parser.parse_args()
    if arguments.part is None:
        for name in names:
            subprocess.run([sys.executable, __file__, "--part", name, *sys.argv[1:]], check=True)
    elif arguments.part == "static_lexicon":
        measure_static_lexicon()
    elif arguments.part == "kinds":
        measure_kinds(arguments.runs)
    else:
        cells = [(int(ways), int(shots)) for ways, shots in _sizes(arguments.cells)]
        folder = arguments.runs / arguments.part
        taken = train(folder, ROWS[arguments.part], resume=arguments.resume)
        measure(arguments.part, folder, taken, arguments.tasks, cells)


def _sizes(cells: str) -> list[list[str]]:
    """2w5s,5w1s -> [["2", "5"], ["5", "1"]]."""
    return [cell.removesuffix("s").split("w") for cell in cells.split(",")]


if __name__ == "__main__":
    main()
