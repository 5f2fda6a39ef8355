"""`adapt_in_python.py PROBLEM.npz WAYS`: for each line on standard input, adapt once and print how long it took.

All that a bundle calls to adapt, from features to the weights of head.onnx and the thresholds, with whichever
desire_edge is found: before 0.4 that was three calls.
"""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

TASK = ("z", "targets", "mask", "w_novel")
PREFIX = "semantics."


def main() -> None:
    """Read the problem, then answer."""
    with np.load(sys.argv[1]) as file:
        arrays = {name: file[name] for name in file.files}
    adapt = adaptation(arrays, int(sys.argv[2]))
    for _ in sys.stdin:
        started = time.perf_counter()
        adapt()
        print(time.perf_counter() - started, flush=True)


def adaptation(arrays: dict[str, Any], ways: int) -> Callable[[], object]:
    """One adaptation, with the model packed beforehand."""
    core, runtime = import_module("desire_edge._core"), import_module("desire_edge.runtime.adaptation")
    semantics = {
        name.removeprefix(PREFIX): array for name, array in arrays.items() if name.startswith(PREFIX)
    }
    task = {name: arrays[name] for name in TASK}
    if hasattr(runtime, "learn"):
        unread = {"w_base": 0, "w_i": 0, "base_bias": 0}
        if hasattr(runtime, "packed_model"):
            now = runtime.packed_model(runtime.Semantics.of(unread | semantics))
        else:
            heads = import_module("desire_edge.runtime.heads")
            now = heads.PaperSemantics.of(unread | semantics).packed()
        # Before, the weights were made for graphs of so many labels.
        more = {"ways": ways} if "ways" in inspect.signature(runtime.learn).parameters else {}
        return lambda: runtime.learn(now, **task, **more)
    model = runtime.packed_model(semantics, known_labels=False)

    def adapt() -> object:
        head = runtime.adapt_head(model, semantics, **task)
        thresholds = core.thresholds(
            logits=head.logits,
            targets=task["targets"],
            mask=task["mask"],
            weights=semantics["threshold_weights"],
        )
        return head.task_weights(ways), thresholds

    return adapt


if __name__ == "__main__":
    main()
