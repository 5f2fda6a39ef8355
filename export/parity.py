"""The gate of export: ONNX Runtime and the C++ core must reproduce torch on real examples."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from desire_edge.data import EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.runtime.bundle import Bundle
from desire_edge.runtime.manifest import HEAD
from desire_edge.runtime.session import import_onnxruntime
from desire_edge.runtime.support import Support
from desire_edge.runtime.task import Task
from desire_edge.training.inner_loop import Episodes
from desire_edge.training.pretrain import extract
from desire_edge.training.run import Run

TOLERANCE = 1e-5
ROWS = 64


@dataclass(frozen=True)
class Parity:
    """Largest errors against torch, each max|Δ| / max|reference|.

    Attributes:
        extractor: z of real examples, and of one without any feature.
        logits: those of a real task's query rows, adapted in C++, through `head.onnx`.
        probabilities: the same through the completed model, from x.
    """

    extractor: float
    logits: float
    probabilities: float

    @property
    def worst(self) -> float:
        """The largest of them."""
        return max(self.extractor, self.logits, self.probabilities)

    def to_json(self) -> dict[str, float]:
        """The errors as JSON values."""
        return asdict(self)


def relative_error(values: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """max|Δ| / max|reference|, as every comparison of implementations here; infinite if anything is not finite."""
    error = float(np.max(np.abs(values.astype(np.float64) - reference)) / np.max(np.abs(reference)))
    return error if np.isfinite(error) else float("inf")


def check_parity(run: Run, bundle_folder: Path) -> Parity:
    """Compare the bundle in `bundle_folder` with the run it was exported from.

    Raises:
        DesireEdgeError: an error exceeds 1e-5; the message says where.
    """
    bundle = Bundle.open(bundle_folder, "cpu")
    rows = run.data.rows.query[:ROWS]
    # And a row of zeros, a text of which no word is known: where a norm would divide by 0 without its ε.
    x = np.concatenate([run.data.x[rows], np.zeros((1, run.data.x.shape[1]), np.float32)])
    extracted = extract(run.extractor, torch.from_numpy(x)).numpy()
    parity = Parity(relative_error(bundle.extractor.run(x)["z"], extracted), *_adapted_errors(run, bundle))
    if parity.worst > TOLERANCE:
        raise DesireEdgeError(
            f"ONNX Runtime does not reproduce torch within {TOLERANCE} (extractor {parity.extractor:.1e}, logits "
            f"{parity.logits:.1e}, probabilities {parity.probabilities:.1e}), so no bundle was written; "
            f"the model may be ill-conditioned (κ = {bundle.manifest.conditioning:.1f}): "
            "train it again with another seed"
        )
    return parity


@torch.no_grad()
def _adapted_errors(run: Run, bundle: Bundle) -> tuple[float, float]:
    """One real task of novel labels: the device path against the differentiable inner loop in torch float64."""
    data, dataset = run.data, run.data.dataset
    labels = data.split.novel[dataset.targets[data.rows.support][:, data.split.novel].any(axis=0)]
    ways = min(5, bundle.manifest.ways, len(labels))
    sampler = EpisodeSampler(
        dataset.targets,
        labels,
        data.rows.support,
        data.rows.query,
        ways=ways,
        shots=1,
        queries=3,
        eligible_only=False,
    )
    episode = sampler.sample(np.random.default_rng(run.config.seed))
    names = [dataset.labels[index] for index in episode.labels]
    support = Support.of(
        list(data.x[episode.support]),
        [
            [name for name, carried in zip(names, row, strict=True) if carried]
            for row in dataset.targets[episode.support][:, episode.labels]
        ],
    )
    task = bundle.adapt(support, labels=names)
    z = extract(run.extractor, torch.from_numpy(data.x[np.concatenate([episode.support, episode.query])]))
    z[: len(support.examples)] = torch.from_numpy(task.taught.z.astype(np.float32))
    targets = torch.from_numpy(
        dataset.targets[np.concatenate([episode.support, episode.query])][:, episode.labels]
    )
    learner = type(run.learner)(run.learner.head.w_base.double(), run.config.meta).double()
    learner.load_state_dict(run.learner.state_dict())
    reference = learner(
        Episodes(
            z=z.double()[None],
            targets=targets.double()[None],
            mask=torch.ones(1, *targets.shape, dtype=torch.float64),
            w_novel=torch.from_numpy(task.taught.vectors).double()[None],
            base_mask=None,
            support=len(support.examples),
        )
    )[len(task.head.losses) - 1][0, len(support.examples) :]
    queries = list(data.x[episode.query])
    logits = head_logits(bundle, task, bundle.extractor.run(data.x[episode.query])["z"])
    return (
        relative_error(logits, reference.numpy()),
        relative_error(task.predict(queries), torch.sigmoid(reference).numpy()),
    )


def head_logits(bundle: Bundle, task: Task, z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits [n, N] of z [n, d] through the bundle's `head.onnx`, fed with the task's weights."""
    session = import_onnxruntime().InferenceSession(bundle.path / HEAD, providers=["CPUExecutionProvider"])
    batch, ways = bundle.manifest.batch, bundle.manifest.ways
    weights = task.head.task_weights(ways)
    padded = np.pad(z, [(0, -len(z) % batch), (0, 0)])
    parts = [
        session.run(["logits"], {"z": rows, **weights})[0] for rows in np.split(padded, len(padded) // batch)
    ]
    return np.concatenate(parts)[: len(z), : len(task.labels)]
