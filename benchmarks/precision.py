"""What each precision of a bundle weighs, costs and loses: `python benchmarks/precision.py`, results/precision.json.

Exports the default run of Delicious (made by `benchmarks/default.py`) in fp32, fp16 and int8, and measures each
bundle's files, the extractor's time at batch 1 on one thread, and micro AUC over the same tasks of novel labels, each
adapted from the features that the bundle's extractor gives in ONNX Runtime. Losses are in points of AUC, with the 95 %
interval of the tasks' paired differences. Then the same for smaller lexicons, by which labels' vectors change.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from record import write_result
from timing import interleaved

from desire_edge import Bundle
from desire_edge.data import EpisodeSampler
from desire_edge.export import ExportOptions, export_bundle
from desire_edge.export.weights import base_axes
from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.build import shrink_lexicon
from desire_edge.metrics import Estimate
from desire_edge.models import extract
from desire_edge.runtime.contents import bundle_contents
from desire_edge.runtime.manifest import BASE, LEXICON, PRECISIONS
from desire_edge.runtime.session import import_onnxruntime
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.run import Run
from desire_edge.training.scoring import TaskScores, score_tasks

SHOTS = (1, 5)
WORDS = (50_000, 20_000, 10_000, 5_000)
SMALL_LEXICON = 20_000


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, default=Path("runs/default/example-disjoint"))
    parser.add_argument("--tasks", type=int, default=600, help="tasks a figure")
    parser.add_argument("--rounds", type=int, default=100, help="of the interleaved timing")
    arguments = parser.parse_args()
    run = Run.open(arguments.run, torch.device("cpu"))
    torch_scores = score(run, torch_features(run), run.data.w, arguments.tasks)
    metrics: dict[str, float] = {}
    details: dict[str, Any] = {"precision": {}, "lexicon": {}}
    with tempfile.TemporaryDirectory() as name:
        bundles = {precision: export(run, Path(name), precision) for precision in PRECISIONS}
        lexicons = {words: shrunk(run, Path(name), words) for words in WORDS}
        for precision, bundle in bundles.items():
            scores = score(run, features(run, bundle), run.data.w, arguments.tasks)
            losses = losses_of(scores, torch_scores)
            metrics |= {
                f"{precision}_{figure}_micro_auc": found.mean for figure, found in aucs(scores).items()
            }
            metrics[f"{precision}_auc_loss_points"] = max(losses[f"5w{shots}s"].mean for shots in SHOTS)
            metrics |= sizes(precision, bundle, bundles["fp32"], path_size(lexicons[SMALL_LEXICON]))
            details["precision"][precision] = {
                "files": {file.name: file.bytes for file in bundle_contents(bundle)},
                "losses_points": {figure: vars(loss) for figure, loss in losses.items()},
            }
        for precision, timing in latencies(run, bundles, arguments.rounds).items():
            metrics[f"{precision}_extractor_us"] = timing["median_us"]
            details["precision"][precision]["extractor"] = timing
        for words, path in lexicons.items():
            w = Lexicon.open(path).label_matrix(run.data.dataset.labels).vectors
            losses = losses_of(score(run, torch_features(run), w, arguments.tasks), torch_scores)
            details["lexicon"][words] = {
                "bytes": path_size(path),
                "losses_points": {figure: vars(loss) for figure, loss in losses.items()},
            }
            metrics[f"lexicon_{words}_words_bytes"] = path_size(path)
            for figure, loss in losses.items():
                metrics[f"lexicon_{words}_words_{figure}_auc_loss_points"] = loss.mean
    path = write_result("precision", metrics, tasks=arguments.tasks, **details)
    print(path.read_text(encoding="utf-8"))


def export(run: Run, folder: Path, precision: str) -> Bundle:
    """The bundle of `run`, by default settings but for the precision, opened."""
    path = folder / f"{precision}.desire"
    export_bundle(run, path, ExportOptions(precision=precision))
    return Bundle.open(path, "cpu")


def shrunk(run: Run, folder: Path, words: int) -> Path:
    """The lexicon that `export --lexicon-words` writes."""
    base_labels = [run.data.dataset.labels[index] for index in run.data.split.base]
    path = folder / f"{words}.safetensors"
    shrink_lexicon(run.lexicon, path, words=words, keep=base_labels)
    return path


def path_size(path: Path) -> int:
    """Bytes of a file."""
    return path.stat().st_size


def torch_features(run: Run) -> NDArray[np.float32]:
    """z [rows, d] of the whole data set by torch."""
    z: NDArray[np.float32] = extract(run.extractor, run.data.x).numpy()
    return z


def features(run: Run, bundle: Bundle) -> NDArray[np.float32]:
    """z [rows, d] of the whole data set by the bundle's extractor in ONNX Runtime, along torch's axes."""
    axes, _ = base_axes(run.meta_learner.head.w_base.double().numpy())
    z: NDArray[np.float32] = (bundle.extractor.run(run.data.x)["z"] @ axes.T).astype(np.float32)
    return z


def score(run: Run, z: NDArray[np.float32], w: NDArray[np.float32], tasks: int) -> dict[int, TaskScores]:
    """The run's head on 5-way tasks of eligible novel labels, with features z and label vectors w, by shots."""
    data = run.data
    batcher = EpisodeBatcher(torch.from_numpy(z), data.dataset.targets, w, data.split.base)
    return {
        shots: score_tasks(
            run.learner,
            batcher,
            EpisodeSampler.over(
                data.rows,
                data.dataset.targets,
                data.split.novel,
                ways=5,
                shots=shots,
                queries=15,
                eligible_only=True,
            ),
            tasks=tasks,
            rng=np.random.default_rng([0, 5, shots]),
        )
        for shots in SHOTS
    }


def aucs(scores: dict[int, TaskScores]) -> dict[str, Estimate]:
    """Micro AUC at each number of shots, and by the labels' names alone."""
    return {name: Estimate.of(values) for name, values in task_aucs(scores).items()}


def losses_of(scores: dict[int, TaskScores], reference: dict[int, TaskScores]) -> dict[str, Estimate]:
    """By how many points of micro AUC `scores` are below those of `reference`, task by task."""
    found, before = task_aucs(scores), task_aucs(reference)
    return {
        name: Estimate.of((100 * (np.array(before[name]) - np.array(found[name]))).tolist()) for name in found
    }


def task_aucs(scores: dict[int, TaskScores]) -> dict[str, list[float]]:
    """Each task's micro AUC."""
    found = {f"5w{shots}s": scores[shots].micro_auc for shots in SHOTS}
    return {**found, "5w0s": [steps[0] for steps in scores[SHOTS[0]].micro_auc_by_step]}


def total(bundle: Bundle) -> int:
    """Bytes of the whole bundle."""
    return sum(file.bytes for file in bundle_contents(bundle))


def sizes(precision: str, bundle: Bundle, fp32: Bundle, small_lexicon: int) -> dict[str, float]:
    """Bytes, and the bundle's over fp32's: as exported by default, without the lexicon, and with a smaller one.

    The last is over the fp32 bundle with the same lexicon, and over that of default settings, which is what a user of
    both options saves.
    """

    def rest(bundle: Bundle) -> int:
        return total(bundle) - bundle.manifest.files[LEXICON].bytes

    small = f"{SMALL_LEXICON}_words"
    return {
        f"{precision}_bundle_bytes": total(bundle),
        f"{precision}_extractor_bytes": bundle.manifest.files[BASE].bytes,
        f"{precision}_extractor_fraction": bundle.manifest.files[BASE].bytes
        / fp32.manifest.files[BASE].bytes,
        f"{precision}_bundle_fraction": total(bundle) / total(fp32),
        f"{precision}_bundle_fraction_without_lexicon": rest(bundle) / rest(fp32),
        f"{precision}_bundle_bytes_{small}": rest(bundle) + small_lexicon,
        f"{precision}_bundle_fraction_{small}": (rest(bundle) + small_lexicon) / (rest(fp32) + small_lexicon),
        f"{precision}_bundle_fraction_{small}_over_default": (rest(bundle) + small_lexicon) / total(fp32),
    }


def latencies(run: Run, bundles: dict[str, Bundle], rounds: int) -> dict[str, dict[str, float]]:
    """Time of the extractor on one row, one thread, the precisions taking turns."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    row = run.data.x[run.data.rows.query[:1]]

    def contender(bundle: Bundle) -> Callable[[], float]:
        session = onnxruntime.InferenceSession(
            bundle.path / BASE, options, providers=["CPUExecutionProvider"]
        )

        def call() -> float:
            started = time.perf_counter()
            session.run(["z"], {"x": row})
            return time.perf_counter() - started

        return call

    timings = interleaved({name: contender(bundle) for name, bundle in bundles.items()}, rounds)
    return {name: timing.to_json() for name, timing in timings.items()}


if __name__ == "__main__":
    main()
