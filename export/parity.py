"""The gate of export: ONNX Runtime and the C++ core must reproduce torch on real examples."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from desire_edge.data import EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.models import extract
from desire_edge.runtime.adaptation import padded
from desire_edge.runtime.bundle import Bundle
from desire_edge.runtime.manifest import ADAPT, HEAD
from desire_edge.runtime.portable import PortableAdaptation
from desire_edge.runtime.session import import_onnxruntime
from desire_edge.runtime.support import Support
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.learner import Learner
from desire_edge.training.run import Run
from desire_edge.training.thresholds import threshold_features

from .weights import Float64, axes_of

TOLERANCE = 1e-5
EXTRACTOR_TOLERANCE = {"fp32": TOLERANCE, "fp16": 1e-3, "int8": 5e-2}
FROZEN_TOLERANCE = {"fp32": 1e-4, "fp16": 1e-2, "int8": 0.25}
"""How far z may be from torch's. Beyond float32 the extractor is another one than torch's, and this only says that
nothing went wrong: the models measured are off by up to 3e-4 and 2e-2. What follows from z is held to `TOLERANCE`.
Behind a frozen stage, many layers deep, rounding adds up, and it was run in batches."""
ROWS, FROZEN_ROWS = 64, 16


@dataclass(frozen=True)
class Parity:
    """Largest errors against torch, each max|Δ| / max|reference| but for the thresholds: max|Δ|.

    Attributes:
        extractor: z of real examples, and of one without any feature.
        logits: those of a real task's query rows, adapted in C++, through `head.onnx`.
        probabilities: the same through the completed model, from x.
        portable: those logits again, adapted through `adapt.onnx`.
        thresholds: the decision thresholds of the same task, as probabilities, of the core and of `adapt.onnx`.

    Where the extractor is not float32, or begins with a frozen stage, all but z are held to torch fed with the
    bundle's z.
    For a model that uses known labels every other row of the task has its true base labels, and the others have none.
    """

    extractor: float
    logits: float
    probabilities: float
    portable: float
    thresholds: float

    @property
    def worst(self) -> float:
        """The largest of them."""
        return max(self.extractor, self.adapted)

    @property
    def adapted(self) -> float:
        """The largest of those after the extractor."""
        return max(self.logits, self.probabilities, self.portable, self.thresholds)

    def to_json(self) -> dict[str, float]:
        """The errors as JSON values."""
        return asdict(self)


def relative_error(values: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """max|Δ| / max|reference|, as every comparison of implementations here; infinite if anything is not finite."""
    error = float(np.max(np.abs(values.astype(np.float64) - reference)) / np.max(np.abs(reference)))
    return error if np.isfinite(error) else float("inf")


def absolute_error(values: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """max|Δ|; infinite if anything is not finite."""
    error = float(np.max(np.abs(values - reference)))
    return error if np.isfinite(error) else float("inf")


def check_parity(run: Run, bundle_folder: Path) -> Parity:
    """Compare the bundle in `bundle_folder` with the run it was exported from.

    Raises:
        DesireEdgeError: an error exceeds 1e-5, or that of z `EXTRACTOR_TOLERANCE`, or `FROZEN_TOLERANCE`
            where the extractor begins with a frozen stage; the message says where.
    """
    bundle = Bundle.open(bundle_folder, "cpu")
    rows = run.data.rows.query[:ROWS]
    # And a row of zeros, a text of which no word is known: where a norm would divide by 0 without its ε.
    x = np.concatenate([run.data.x[rows], np.zeros((1, run.data.x.shape[1]), np.float32)])
    if run.data.stage is not None:
        rows = (rows if len(rows) else run.data.rows.train)[:FROZEN_ROWS]
        x = run.data.x[rows]
    axes = axes_of(run)
    extracted = extract(run.extractor, x).numpy().astype(np.float64)
    extracted = extracted if axes is None else extracted @ axes
    parity = Parity(
        relative_error(bundle_features(run, bundle, x if run.data.stage is None else rows), extracted),
        *_adapted_errors(run, bundle, axes),
    )
    tolerances = EXTRACTOR_TOLERANCE if run.data.stage is None else FROZEN_TOLERANCE
    allowed = tolerances[bundle.manifest.precision]
    if parity.extractor > allowed or parity.adapted > TOLERANCE:
        raise DesireEdgeError(
            f"ONNX Runtime does not reproduce torch within {TOLERANCE:.0e}, or {allowed:.0e} for z (extractor "
            f"{parity.extractor:.1e}, logits {parity.logits:.1e}, probabilities {parity.probabilities:.1e}, "
            f"adapt.onnx {parity.portable:.1e}, thresholds {parity.thresholds:.1e}), "
            "so no bundle was written; the model may be ill-conditioned "
            f"(κ = {bundle.manifest.conditioning:.1f}): train it again with smaller steps "
            "(--set meta.step_size=0.05) or another seed"
        )
    return parity


def bundle_features(run: Run, bundle: Bundle, rows: NDArray[Any]) -> NDArray[np.float32]:
    """z [n, d] through the bundle's graph: of x [n, features], or with a frozen stage of those rows' raw inputs."""
    spec = bundle.manifest.input
    raws = list(rows) if run.data.stage is None else run.data.raws(rows)
    return bundle.extract([spec.features_of(raw, f"row {index}") for index, raw in enumerate(raws)])


@torch.no_grad()
def _adapted_errors(run: Run, bundle: Bundle, axes: Float64 | None) -> tuple[float, float, float, float]:
    """One real task of novel labels: the device path against the differentiable inner loop in torch float64."""
    data, dataset = run.data, run.data.dataset
    labels = data.split.novel[dataset.targets[data.rows.support][:, data.split.novel].any(axis=0)]
    ways = min(5, bundle.manifest.ways, bundle.manifest.max_support, len(labels))
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
    rows, shots = np.concatenate([episode.support, episode.query]), len(episode.support)
    carried = dataset.targets[rows][:, episode.labels]
    known = dataset.targets[rows][:, data.split.base].astype(np.float32)
    known[1::2] = 0
    if not bundle.manifest.known_labels:
        known[:] = 0
    known_names = _names_of(known, [dataset.labels[index] for index in data.split.base])
    inputs = data.raws(rows)
    support = Support.of(inputs[:shots], _names_of(carried[:shots], names), None, known_names[:shots])
    task = bundle.adapt(support, labels=names)
    given = data.x[rows] if data.stage is None else rows
    turned_back = np.eye(bundle.manifest.dimension) if axes is None else axes.T
    if bundle.manifest.precision == "fp32" and data.stage is None:
        z = extract(run.extractor, data.x[rows]).double()
    else:
        z = torch.from_numpy(bundle_features(run, bundle, given).astype(np.float64) @ turned_back)
    z[:shots] = torch.from_numpy(task.taught.z.astype(np.float64) @ turned_back)
    targets = torch.from_numpy(carried)
    learner = in_double(run.learner)
    adapted = learner(
        EpisodeBatch(
            z=z[None],
            targets=targets.double()[None],
            mask=torch.ones(1, *targets.shape, dtype=torch.float64),
            w_novel=torch.from_numpy(task.taught.vectors).double()[None],
            base_mask=None,
            support=shots,
            known_labels=torch.from_numpy(known).double()[None],
        )
    )

    def expected(losses: Sequence[float]) -> tuple[torch.Tensor, torch.Tensor]:
        """The query rows' logits and the thresholds after as many steps as there are losses after the first."""
        logits = adapted[len(losses) - 1][0]
        features = threshold_features(
            logits[:shots], targets[:shots].double(), torch.ones_like(logits[:shots])
        )
        return logits[shots:], torch.sigmoid(features @ learner.threshold_weights)

    portable = PortableAdaptation(bundle.path / ADAPT, bundle.manifest).adapt(
        task.taught.z,
        task.taught.targets,
        task.taught.mask,
        task.taught.vectors,
        known[:shots],
    )
    (reference, thresholds), (other, others) = expected(task.head.losses), expected(portable.losses)
    queries = bundle_features(run, bundle, given[shots:]), known[shots:]
    logits = head_logits(bundle, task.head.weights, *queries)
    probabilities = task.predict(inputs[shots:], known_names[shots:])
    return (
        relative_error(logits, reference.numpy()),
        relative_error(probabilities, torch.sigmoid(reference).numpy()),
        relative_error(head_logits(bundle, portable.weights, *queries), other.numpy()),
        max(
            absolute_error(np.array(task.predictor.thresholds), thresholds.numpy()),
            absolute_error(portable.thresholds, others.numpy()),
        ),
    )


def in_double(learner: Learner) -> Learner:
    """The same head in double precision, on the CPU."""
    return copy.deepcopy(learner).cpu().double()


def _names_of(rows: NDArray[Any], labels: Sequence[str]) -> list[list[str]]:
    """The labels that each row [n, labels] of zeros and ones marks."""
    return [[labels[index] for index in np.flatnonzero(row).tolist()] for row in rows]


def head_logits(
    bundle: Bundle,
    weights: Mapping[str, NDArray[np.float32]],
    z: NDArray[np.float32],
    known_labels: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Logits [n, N] of z [n, d] through the bundle's `head.onnx`, fed with a task's weights.

    `known_labels` [n, B] are for a bundle that uses them; None stands for zeros.
    """
    session = import_onnxruntime().InferenceSession(bundle.path / HEAD, providers=["CPUExecutionProvider"])
    batch = bundle.manifest.batch
    inputs = {"z": z}
    if bundle.manifest.known_labels:
        nothing = np.zeros((len(z), len(bundle.manifest.base_labels)), np.float32)
        inputs["known_labels"] = nothing if known_labels is None else known_labels
    labels = len(weights["used"])
    weights = padded(weights, bundle.manifest.ways)
    filled = {name: np.pad(rows, [(0, -len(z) % batch), (0, 0)]) for name, rows in inputs.items()}
    parts = [
        session.run(
            ["logits"], {**{name: rows[start : start + batch] for name, rows in filled.items()}, **weights}
        )[0]
        for start in range(0, len(z), batch)
    ]
    return np.concatenate(parts)[: len(z), :labels]
