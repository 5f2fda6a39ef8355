"""One user's device, as the package in its path has it: export a run, then do what it is told and say how long it took.

Run by `device.py`, with the package of this working tree or of an earlier commit, which knows no base.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from desire_edge import Bundle, Support

LABELS = ("baking", "jazz", "gardening", "cycling", "chess")
USERS, ROWS = 40, 64


class Device:
    """The bundle at `path`, and what users do with it; `texts` are examples and queries."""

    def __init__(self, path: Path, texts: list[str]) -> None:
        self.bundle = Bundle.open(path, "cpu")
        self.texts = texts
        self.random = np.random.default_rng(0)
        self.with_base = hasattr(self.bundle, "adapt_many")
        self.small = [self.support(5) for _ in range(USERS)]
        self.large = [self.support(25) for _ in range(USERS)]
        self.users = [self.bundle.adapt(support) for support in self.small]
        self.queries = self.some(ROWS)
        self.calls = 0
        for task in self.users:
            task.predict(self.queries[:1])
        spec = self.bundle.manifest.input
        self.features = [spec.features_of(text, "it") for text in self.queries]

    def some(self, count: int) -> list[str]:
        """So many texts."""
        return [self.texts[index] for index in self.random.choice(len(self.texts), count, replace=False)]

    def support(self, examples: int) -> Support:
        """So many examples, of five labels in turn."""
        return Support.of(self.some(examples), [[LABELS[index % 5]] for index in range(examples)])

    def first(self) -> None:
        """From five texts to the first probability."""
        support = self.small[self.calls % USERS]
        self.bundle.adapt(support).predict(self.queries[:1])

    def many(self) -> None:
        """Teach users at once, 25 examples each."""
        if self.with_base:
            self.bundle.adapt_many(self.large)
        else:
            for support in self.large:
                self.bundle.adapt(support)

    def rows(self) -> None:
        """One row of each of many users."""
        tasks = [self.users[row % USERS] for row in range(ROWS)]
        if self.with_base:
            self.bundle.predict_many(tasks, self.queries)
        else:
            for task, text in zip(tasks, self.queries, strict=True):
                task.predict([text])

    def extract(self) -> None:
        """From one text's features to z."""
        self.bundle.extract(self.features[self.calls % ROWS : self.calls % ROWS + 1])

    def same(self) -> None:
        """Two predictions of one user."""
        for _ in range(2):
            self.users[0].predict(self.queries[:1])

    def switched(self) -> None:
        """Two predictions of two users."""
        for user in self.users[:2]:
            user.predict(self.queries[:1])

    def load(self, folder: str, count: int) -> dict[str, Any]:
        """Open so many users from their folders, and say what memory and bytes that took."""
        opened: list[Any] = []
        folders = sorted(Path(folder).iterdir())
        for index in range(3):  # what the first ones need for all
            opened.append(self.open_user(folders[index]))
        before = resident()
        growth = []
        for index in range(count):
            opened.append(self.open_user(folders[index % len(folders)]))
            growth.append(resident() - before)
        return {"growth": growth}

    def open_user(self, folder: Path) -> Any:
        """A user's predictor, ready."""
        if self.with_base:
            predictor: Any = self.bundle.predictor(folder)
        else:
            from desire_edge import Predictor

            predictor = Predictor(folder / "model.onnx", "cpu")
        predictor.predict(self.queries[:1])
        return predictor

    def save(self, folder: str) -> dict[str, int]:
        """Save all users; the bytes of each one's files."""
        sizes: dict[str, int] = {}
        for index, task in enumerate(self.users):
            out = task.save(Path(folder) / f"{index:03}")
            sizes = {path.name: path.stat().st_size for path in out.iterdir()}
        return sizes


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def exported(run: Path, out: Path, precision: str) -> Path:
    """The run's bundle, as this package writes it."""
    import torch

    from desire_edge.export import ExportOptions, export_bundle
    from desire_edge.training.run import Run

    torch.set_num_threads(1)
    if not out.exists():
        export_bundle(Run.open(run, torch.device("cpu")), out, ExportOptions(precision=precision))
    return out


def main() -> None:
    """Export, then answer: a line of a method's name and its arguments in JSON each, with seconds or what it gave."""
    run, out = map(Path, sys.argv[1:3])
    path = exported(run, out, "fp32")
    texts = json.loads(Path(sys.argv[3]).read_text(encoding="utf-8"))
    device = Device(path, texts)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        method: Callable[..., Any] = getattr(device, name)
        device.calls += 1
        started = time.perf_counter()
        found = method(*arguments)
        seconds = time.perf_counter() - started
        print(json.dumps(seconds if found is None else found), flush=True)


if __name__ == "__main__":
    main()
