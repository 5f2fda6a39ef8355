"""What a taught model costs to run: `python benchmarks/predict.py` writes results/predict.json.

An adapted `model.onnx` in ONNX Runtime, batch 1, one thread, over the bare extractor it grew from: for the
default extractor, and for one of more than 20 M multiply-adds. Then Eq. (1) on features alone, as it stands and as the
folded head, through the C++ core, numpy and torch, for several batches. How well the models are trained does not matter
here, so they hardly are; Delicious' 500 features are the input.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from problem import DIMENSION, HIDDEN, TOLERANCE, Head, Problem, random_problem, relative_error
from record import write_result
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits
from timing import Timing, interleaved, without_overrides
from training_runs import finished_run

from desire_edge import Bundle, _core
from desire_edge.export import export_bundle
from desire_edge.models import EPSILON, SemanticInference
from desire_edge.runtime.manifest import BASE
from desire_edge.runtime.model_file import standalone_model
from desire_edge.training.config import DEFAULT_HIDDEN, load_config

LABELS = ("baking", "cycling", "jazz", "open source", "travel")
EXTRACTORS: dict[str, tuple[int, ...]] = {"": DEFAULT_HIDDEN, "_20m": (3000, 3000, 3000)}
"""End of the metric's name -> hidden sizes."""
BATCHES = (1, 16, 256)
HARDLY_TRAINED = ("extractor.epochs=1", "meta.batches=2", "meta.folds=0", "validation_tasks=1")


def main() -> None:
    """Measure, and write the result."""
    without_overrides()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON in place of the table")
    parser.add_argument("--repeats", type=int, default=100, help="turns that each contender gets")
    parser.add_argument("--runs", type=Path, default=Path("runs/predict"), help="where the runs are kept")
    arguments = parser.parse_args()
    metrics: dict[str, float] = {}
    details: dict[str, Any] = {}
    for suffix, hidden in EXTRACTORS.items():
        found = model_over_extractor(arguments.runs, hidden, arguments.repeats)
        metrics[f"model_over_extractor_latency{suffix}"] = found["latency"]
        details[f"extractor {'-'.join(map(str, hidden))}"] = found
    rows = throughput(arguments.repeats)
    for row in rows:
        metrics[f"{row['what']}_rows_per_second_batch_{row['batch']}"] = row["core_rows_per_second"]
    path = write_result("predict", metrics, models=details, throughput=rows)
    if arguments.json:
        print(path.read_text(encoding="utf-8"), end="")
    else:
        show(details, rows)
        print(json.dumps(metrics, indent=2))


def model_over_extractor(runs: Path, hidden: tuple[int, ...], rounds: int) -> dict[str, Any]:
    """One extractor: what the adapted model takes over it, in ONNX Runtime, batch 1, one thread."""
    name = "-".join(map(str, hidden))
    settings = (*HARDLY_TRAINED, f"extractor.hidden={list(hidden)}")
    run = finished_run(runs / name, load_config(None, settings, {"data": "delicious"}, "best"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tagger.desire"
        export_bundle(run, path)
        bundle = Bundle.open(path, "cpu")
        extractor = without_head((path / BASE).read_bytes())
        model = bundle.adapt(labels=LABELS).model
        graph = optimized(model, Path(folder) / "optimized.onnx")
        bare = optimized(extractor, Path(folder) / "bare.onnx")
    rng = np.random.default_rng(0)
    x = (rng.random((1, run.data.input.features)) < 0.02).astype(np.float32)
    timings = interleaved({"extractor": session_call(extractor, x), "model": session_call(model, x)}, rounds)
    return {
        "latency": round(timings["model"].median / timings["extractor"].median, 4),
        "latency_of_minima": round(timings["model"].minimum / timings["extractor"].minimum, 4),
        **{name: timing.to_json() for name, timing in timings.items()},
        "extractor_multiply_adds": matrix_elements(bare),
        "head_multiply_adds": matrix_elements(graph) - matrix_elements(bare),
        "head_nodes": dict(operators(graph) - operators(bare)),
    }


def without_head(base: bytes) -> bytes:
    """The extractor in a bundle's base, x -> z, whose head ONNX Runtime then leaves away."""
    return standalone_model("the base", base, {}, ["z"], {})


def session_call(model: bytes, x: NDArray[np.float32]) -> Callable[[], float]:
    """A function that runs the model once, in one thread, and returns the seconds it took."""
    session = onnxruntime.InferenceSession(model, one_thread(), providers=["CPUExecutionProvider"])
    feed = {"x": x}

    def call() -> float:
        started = time.perf_counter()
        session.run(None, feed)
        return time.perf_counter() - started

    return call


def one_thread() -> onnxruntime.SessionOptions:
    """Options of a session without a thread pool, and without chatter."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return options


def optimized(model: bytes, path: Path) -> onnx.GraphProto:
    """The graph that ONNX Runtime makes of a model."""
    options = one_thread()
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return onnx.load(path).graph


def operators(graph: onnx.GraphProto) -> Counter[str]:
    """How many nodes there are of each kind."""
    return Counter(node.op_type for node in graph.node)


def matrix_elements(graph: onnx.GraphProto) -> int:
    """Elements of all matrices: at batch 1, the multiply-adds of the products with them."""
    return sum(int(np.prod(weight.dims)) for weight in graph.initializer if len(weight.dims) == 2)


def throughput(rounds: int) -> list[dict[str, Any]]:
    """Logits of 5 labels (600 base labels) for batches of features, one thread: core, numpy, torch, checked first."""
    torch.set_num_threads(1)
    problem = random_problem(5, 5, 600)
    head = folded(problem)
    rows = []
    with threadpool_limits(1):
        for batch in BATCHES:
            z = np.tile(problem.query, (batch // len(problem.query) + 1, 1))[:batch].copy()
            kinds = {
                "projection": {
                    "core": core_projection(problem, z),
                    "numpy": numpy_projection(problem, z),
                    "torch": torch_projection(problem, z),
                },
                "head": {
                    "core": core_logits(head, problem, z),
                    "numpy": numpy_logits(head, problem, z),
                    "torch": torch_logits(head, problem, z),
                },
            }
            expected = head.logits(z, problem.r)
            for what, calls in kinds.items():
                for name, call in calls.items():
                    error = relative_error(call(), expected)
                    assert error <= TOLERANCE, f"{what} through {name} is off by {error:.1e}"
                timings = interleaved({name: timed(call) for name, call in calls.items()}, rounds)
                rows.append(throughput_row(what, batch, timings))
    return rows


def throughput_row(what: str, batch: int, timings: dict[str, Timing]) -> dict[str, Any]:
    """The measurements of one batch as JSON values."""
    row: dict[str, Any] = {"what": what, "batch": batch}
    for name, timing in timings.items():
        row[f"{name}_rows_per_second"] = round(batch / timing.median)
        row[name] = timing.to_json()
    return row


def timed(call: Callable[[], object]) -> Callable[[], float]:
    """A function that calls once and returns the seconds it took."""

    def seconds() -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    return seconds


def folded(problem: Problem) -> Head:
    """The head of a problem before any step."""
    tilde = np.vstack([problem.w2, problem.b2])
    return Head(
        problem.w1,
        problem.b1,
        tilde @ problem.w_novel,
        problem.q0,
        problem.p @ problem.w_novel,
        problem.gamma1,
        problem.gamma2,
    )


def core_projection(problem: Problem, z: NDArray[Any]) -> Callable[[], NDArray[Any]]:
    """Eq. (1) through the C++ core."""
    names = ("w1", "b1", "w2", "b2", "gamma1", "gamma2", "w_base", "w_i", "w_novel")
    arguments: dict[str, Any] = {name: getattr(problem, name) for name in names}
    return lambda: _core.project(z=z, **arguments)


def numpy_projection(problem: Problem, z: NDArray[Any]) -> Callable[[], NDArray[Any]]:
    """Eq. (1) in numpy, single precision."""

    def unit(rows: NDArray[Any]) -> NDArray[Any]:
        norms: NDArray[Any] = np.sqrt(np.einsum("ni,ni->n", rows, rows) + np.float32(EPSILON**2))
        divided: NDArray[Any] = rows / norms[:, None]
        return divided

    def call() -> NDArray[Any]:
        transformed = np.maximum(z @ problem.w1 + problem.b1, 0) @ problem.w2 + problem.b2
        words = problem.gamma1 * unit(transformed) + problem.gamma2 * (unit(z @ problem.w_base) @ problem.w_i)
        logits: NDArray[Any] = words @ problem.w_novel
        return logits

    return call


def torch_projection(problem: Problem, z: NDArray[Any]) -> Callable[[], NDArray[Any]]:
    """Eq. (1) by this project's torch module, without gradients."""
    head = SemanticInference(torch.from_numpy(problem.w_base), len(problem.b1))
    names = ("w1", "b1", "w2", "b2", "w_i", "gamma1", "gamma2", "w_base")
    head.load_state_dict({name: torch.as_tensor(getattr(problem, name)) for name in names})
    features, w_novel = torch.from_numpy(z), torch.from_numpy(problem.w_novel)

    def call() -> NDArray[Any]:
        with torch.inference_mode():
            logits: NDArray[Any] = head(features, w_novel).numpy()
            return logits

    return call


def core_logits(head: Head, problem: Problem, z: NDArray[Any]) -> Callable[[], NDArray[Any]]:
    """Through the C++ core."""
    return lambda: _core.head_logits(z=z, r=problem.r, **vars(head))


def numpy_logits(head: Head, problem: Problem, z: NDArray[Any]) -> Callable[[], NDArray[Any]]:
    """In numpy, single precision."""

    def call() -> NDArray[Any]:
        tilde = np.ones((len(z), HIDDEN + 1), np.float32)
        np.maximum(z @ head.w1 + head.b1, 0, out=tilde[:, :-1])
        norms = np.sqrt(np.einsum("nh,nh->n", tilde @ head.q, tilde) + np.float32(EPSILON**2))
        base = z * np.diagonal(problem.r)
        base_norms = np.sqrt(np.einsum("nd,nd->n", base, base) + np.float32(EPSILON**2))
        logits: NDArray[Any] = (head.gamma1 / norms)[:, None] * (tilde @ head.v)
        logits += (head.gamma2 / base_norms)[:, None] * (z @ head.m)
        return logits

    return call


def torch_logits(head: Head, problem: Problem, z: NDArray[Any]) -> Callable[[], NDArray[Any]]:
    """In torch, single precision, without gradients."""
    features, w1, b1, v, q, m, lengths = (
        torch.from_numpy(array)
        for array in (z, head.w1, head.b1, head.v, head.q, head.m, np.diagonal(problem.r).copy())
    )

    def call() -> NDArray[Any]:
        with torch.inference_mode():
            tilde = torch.ones(len(features), HIDDEN + 1)
            torch.clamp(torch.addmm(b1, features, w1), min=0, out=tilde[:, :-1])
            norms = ((tilde @ q) * tilde).sum(dim=1, keepdim=True).add_(EPSILON**2).sqrt_()
            base_norms = (features * lengths).square_().sum(dim=1, keepdim=True).add_(EPSILON**2).sqrt_()
            logits = (tilde @ v).mul_(head.gamma1).div_(norms)
            logits += (features @ m).mul_(head.gamma2).div_(base_norms)
            result: NDArray[Any] = logits.numpy()
            return result

    return call


def show(models: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Tables of both."""
    table = Table(title="model.onnx over the bare extractor: batch 1, one thread, medians")
    for column in ("extractor", "µs", "model µs", "ratio", "multiply-adds", "of the head", "its nodes"):
        table.add_column(column, justify="right")
    for name, found in models.items():
        table.add_row(
            name.removeprefix("extractor "),
            f"{found['extractor']['median_us']:.0f}",
            f"{found['model']['median_us']:.0f}",
            f"{found['latency']:.3f}",
            f"{found['extractor_multiply_adds']:,}",
            f"{found['head_multiply_adds']:,}",
            str(sum(found["head_nodes"].values())),
        )
    Console().print(table)
    table = Table(title=f"d = {DIMENSION}, h = {HIDDEN}, 5 labels: rows a second, one thread, medians")
    for column in ("what", "batch", "core", "numpy", "torch"):
        table.add_column(column, justify="right")
    for row in rows:
        figures = (f"{row[f'{name}_rows_per_second']:,}" for name in ("core", "numpy", "torch"))
        table.add_row(row["what"], str(row["batch"]), *figures)
    Console().print(table)


if __name__ == "__main__":
    main()
