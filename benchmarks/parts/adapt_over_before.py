"""Adapting to 5 labels with 5 examples, by this working tree over an earlier commit: d = h = 300, T = 5.

Both take turns: the library through `desire_edge_adapt` in this process, and the whole of what Python calls to adapt,
each in a process of its own.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from native import ROOT, build_native, build_release
from peers.ours_in_c import OursInC
from problem import Problem, random_problem
from timing import Timing, interleaved

from .part import Measured

BEFORE = "56175a5"
"""Name a folded head's arrays once: the last commit whose policy of adapting stood in Python."""
WAYS = 16
ROUNDS = 100
PYTHON = Path(__file__).parent / "adapt_in_python.py"
SEMANTICS = ("w1", "b1", "w2", "b2", "gamma1", "gamma2", "q0", "p", "r")


def measure() -> Measured:
    """Build both, check that they give the same bits, and time them."""
    problem = random_problem(5, 5, 600)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="desire-edge-before-")))
        source = folder / "source"
        unpack_commit(BEFORE, source)
        libraries = {"before": build_release(source, folder / "build"), "now": build_native()}
        in_c = {when: OursInC(problem, library) for when, library in libraries.items()}
        for contender in in_c.values():
            stack.callback(contender.close)
        check(in_c)

        site = folder / "site"
        run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", f"--target={site}", str(source))
        save(problem, folder / "problem.npz")
        in_python = {
            "before": stack.enter_context(Python(folder / "problem.npz", site)),
            "now": stack.enter_context(Python(folder / "problem.npz", None)),
        }
        calls: dict[str, Callable[[], float]] = {
            **{f"{when} in C": contender.seconds for when, contender in in_c.items()},
            **{f"{when} in Python": process.seconds for when, process in in_python.items()},
        }
        found = interleaved(calls, ROUNDS)
    return Measured(
        {"adapt_5x5_over_before": over_before(found, "C")},
        {
            "before": BEFORE,
            "adapt_5x5": {name: timing.to_json() for name, timing in found.items()},
            "least_over_before": round(found["now in C"].minimum / found["before in C"].minimum, 4),
            "learn_in_python_over_before": over_before(found, "Python"),
        },
    )


def over_before(found: dict[str, Timing], where: str) -> float:
    """The median now over the median before."""
    return round(found[f"now in {where}"].median / found[f"before in {where}"].median, 4)


def check(contenders: dict[str, OursInC]) -> None:
    """Both give the same bits; else their times would not compare."""
    for contender in contenders.values():
        contender.seconds()
    if not np.array_equal(contenders["before"].logits(), contenders["now"].logits()):
        raise SystemExit("the earlier commit adapts to other bits: its time would say nothing")


def unpack_commit(commit: str, folder: Path) -> None:
    """The files of a commit of this repository."""
    content = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit], capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(folder, filter="data")


def save(problem: Problem, path: Path) -> None:
    """The problem as a bundle's arrays, `semantics.` before their names, and a task's."""
    arrays: dict[str, Any] = {f"semantics.{name}": getattr(problem, name) for name in SEMANTICS}
    # Those of a bundle are for the loss's sum over labels.
    arrays["semantics.step_sizes"] = problem.step_sizes / problem.w_novel.shape[1]
    arrays["semantics.threshold_weights"] = np.linspace(-0.5, 0.5, 5)
    arrays |= {name: getattr(problem, name) for name in ("z", "targets", "mask", "w_novel")}
    single: dict[str, Any] = {name: np.asarray(value, np.float32) for name, value in arrays.items()}
    np.savez(path, **single)


class Python:
    """A process that adapts when it is told to, with the package in `site` or, for None, that of this working tree."""

    def __init__(self, problem: Path, site: Path | None) -> None:
        command, environment = [sys.executable], dict(os.environ)
        if site is not None:
            # Without the site module an editable install is not looked at, nor is anything else installed found.
            command.append("-S")
            environment["PYTHONPATH"] = os.pathsep.join([str(site), str(Path(np.__file__).parents[1])])
        self._process = subprocess.Popen(
            [*command, str(PYTHON), str(problem), str(WAYS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def __enter__(self) -> Python:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def seconds(self) -> float:
        """Adapt once; how long it took in that process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())


def run(*command: str) -> None:
    """Run a command, which must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise SystemExit(f"{command[0]} failed")
