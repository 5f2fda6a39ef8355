"""onnxruntime-training-cpu 1.19.2 in a process and a virtual environment of its own: `ort_server.py`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from problem import Problem

from .contender import Contender, UnavailableError
from .torch_eager import LEARNED, TorchHead, fold_transform

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parent.parent / ".venv-ort-training"


class OrtTraining(Contender):
    """The loop alone: it ends with weights, and what is timed leaves the fold out, to its advantage.

    Its SGD knows one learning rate, so the problem must have one step size (`Problem.with_one_step_size`). The process
    times itself: what it takes to talk to it is not counted.
    """

    name = "ort_training"
    work = "the loop alone, no fold"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._folder = tempfile.TemporaryDirectory(prefix="ort-training-")
        arrays = {
            field.name: np.asarray(getattr(problem, field.name), np.float32) for field in fields(problem)
        }
        np.savez(Path(self._folder.name) / "problem.npz", allow_pickle=False, **arrays)
        with (Path(self._folder.name) / "log").open("w") as log:
            self._process = subprocess.Popen(
                [_python(), HERE / "ort_server.py", self._folder.name, str(torch.get_num_threads())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        if self._process.stdout is None or self._process.stdout.readline() != "ready\n":
            log_lines = (Path(self._folder.name) / "log").read_text().splitlines()
            self.close()
            raise UnavailableError(f"onnxruntime-training does not start: {log_lines[-1:]}")

    def seconds(self) -> float:
        """Do the work once; how long it took."""
        return float(self._ask("run"))

    def logits(self) -> NDArray[np.float64]:
        """Those [n, N] that the last call's weights give the problem's query rows; folded here, in float64."""
        self._ask("save")
        with np.load(Path(self._folder.name) / "adapted.npz") as file:
            adapted = {name: file[name].astype(np.float64) for name in file.files}
        w1, b1, w2, b2, w_i = (torch.from_numpy(adapted[name]) for name in LEARNED)
        exact = self.problem.astype(np.float64)
        v, q = fold_transform(w2, b2, torch.from_numpy(exact.w_novel))
        m = torch.from_numpy(exact.w_base) @ (w_i @ torch.from_numpy(exact.w_novel))
        gammas = (float(adapted[name].item()) for name in ("gamma1", "gamma2"))
        return TorchHead(w1, b1, v, q, m, *gammas).numpy().logits(exact.query, exact.r)

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()

    def _ask(self, question: str) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None
        print(question, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline().strip()
        if not answer:
            raise RuntimeError("the onnxruntime-training process ended")
        return answer


def _python() -> Path:
    """The Python of the virtual environment, which is made where it is missing."""
    python = ENVIRONMENT / "bin" / "python"
    done = ENVIRONMENT / "installed"
    if not done.exists():
        print(f"installing onnxruntime-training-cpu in {ENVIRONMENT}", file=sys.stderr)
        requirements = HERE / "ort_requirements.txt"
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
        except subprocess.CalledProcessError as error:
            raise UnavailableError(
                f"onnxruntime-training-cpu 1.19.2 cannot be installed here (Python {sys.version.split()[0]})"
            ) from error
        done.touch()
    return python
