"""Torch, the C++ core and ONNX Runtime give the same adapted logits on real tasks; export refuses where not."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from core.reference import LEARNED, Model, Task, adapt, folded, project, relative_error
from numpy.typing import NDArray
from trained import Trained

from desire_edge import Bundle, DesireEdgeError, Support, _core
from desire_edge.export import ExportOptions, export_bundle
from desire_edge.export.parity import (
    EXTRACTOR_TOLERANCE,
    FROZEN_TOLERANCE,
    TOLERANCE,
    check_parity,
    head_logits,
)
from desire_edge.models import extract
from desire_edge.runtime.support import Missing


def model_logits(model: bytes, x: NDArray[np.float32], labels: int) -> NDArray[np.float32]:
    """The logits inside an adapted model, which gives only probabilities: made an output here."""
    parsed = onnx.load_model_from_string(model)
    ways = parsed.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    parsed.graph.output.append(
        onnx.helper.make_tensor_value_info("task.logits", onnx.TensorProto.FLOAT, [1, ways])
    )
    session = onnxruntime.InferenceSession(parsed.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["task.logits"], {"x": row[None]})[0] for row in x])[:, :labels]


@pytest.mark.parametrize("missing", ["negative", "unknown"])
def test_every_implementation_gives_the_same_adapted_logits(trained: Trained, missing: Missing) -> None:
    run, bundle = trained.run, Bundle.open(trained.bundle, "cpu")
    task = bundle.adapt(Support.read(trained.support), labels=trained.labels, missing=missing)
    x = run.data.x[trained.episode.query]
    z = extract(run.extractor, x)

    # Torch: autograd through Eq. (1) as it stands, in float64, from the run's own weights.
    weights = run.meta_learner.head.state_dict().items()
    model = Model(**{name: weight.double().contiguous() for name, weight in weights})
    mask = torch.from_numpy(task.taught.mask).double()
    taken = run.meta_learner.step_sizes.detach().double()[: len(task.head.losses) - 1]
    support = Task(
        z=torch.from_numpy(task.taught.z.astype(np.float64) @ trained.axes.T),
        targets=torch.from_numpy(task.taught.targets).double(),
        mask=mask,
        w_novel=torch.from_numpy(task.taught.vectors).double(),
        # The inner loss sums over the labels of which anything is known, and `Task`'s is a mean.
        step_sizes=taken * mask.any(dim=0).sum(),
    )
    reference = project(adapt(model, support)[0][-1], z.double(), support.w_novel)
    before = project(model, z.double(), support.w_novel)
    assert relative_error(before.numpy(), reference) > 0.01, "adapting changes the logits"

    dense: Any = _core.adapt_dense(**support.arrays(np.float32), **model.arrays(np.float32))
    head, turned = task.head, (z.double().numpy() @ trained.axes).astype(np.float32)
    logits = {
        "C++ dense": _core.project(
            z=z.numpy(),
            w_base=model.w_base.float().numpy(),
            w_novel=task.taught.vectors.astype(np.float32),
            **{name: dense[name] for name in LEARNED},
        ),
        "C++ low-rank": _core.head_logits(
            z=turned, r=bundle.semantics.r, **folded(head.weights, len(task.labels))
        ),
        "head.onnx": head_logits(bundle, head.weights, turned),
        "model.onnx": model_logits(task.model, x, len(task.labels)),
    }  # fmt: skip
    errors = {name: relative_error(found, reference) for name, found in logits.items()}
    assert max(errors.values()) <= 1e-5, errors


@pytest.mark.parametrize("name", ["gamma1", "gamma2", "w1", "b1", "w2", "b2", "w_i", "w_base"])
def test_the_gate_notices_every_weight(name: str, sample_trained: Trained) -> None:
    run = copy.copy(sample_trained.run)
    run.learner = copy.deepcopy(run.learner)
    check_parity(run, sample_trained.bundle)
    with torch.no_grad():
        weight = run.meta_learner.head.state_dict()[name]
        weight += 0.01 * weight.abs().max()
    with pytest.raises(DesireEdgeError, match="ONNX Runtime does not reproduce torch within 1e-05"):
        check_parity(run, sample_trained.bundle)


def test_the_gate_notices_another_extractor(sample_trained: Trained) -> None:
    run = copy.copy(sample_trained.run)
    run.classifier = copy.deepcopy(run.classifier)
    with torch.no_grad():
        next(run.extractor.parameters()).mul_(1.001)
    with pytest.raises(DesireEdgeError, match="does not reproduce torch"):
        check_parity(run, sample_trained.bundle)


def test_a_text_without_known_words_has_the_features_torch_gives_it(trained: Trained) -> None:
    x = np.zeros((1, trained.run.data.input.features), np.float32)
    expected = extract(trained.run.extractor, x).numpy() @ trained.axes
    assert relative_error(Bundle.open(trained.bundle, "cpu").extractor.run(x)["z"], expected) <= 1e-5


def test_the_features_of_a_bundle_keep_their_scalar_products_with_the_base_labels(trained: Trained) -> None:
    run, bundle = trained.run, Bundle.open(trained.bundle, "cpu")
    x = run.data.x[trained.episode.query]
    expected = extract(run.extractor, x).double() @ run.meta_learner.head.w_base.double()
    z = bundle.extractor.run(x)["z"].astype(np.float64)
    assert relative_error(z @ bundle.semantics.w_base, expected) <= 1e-5
    assert bundle.semantics.r is not None
    norms = np.linalg.norm(z @ bundle.semantics.r.T, axis=1)
    assert relative_error(norms, expected.norm(dim=1)) <= 1e-5


def test_without_parity_there_is_no_bundle(
    sample_trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desire_edge.export.parity.TOLERANCE", 1e-12)
    with pytest.raises(DesireEdgeError, match="so no bundle was written"):
        export_bundle(sample_trained.run, tmp_path / "tagger.desire", ExportOptions())
    assert not list(tmp_path.iterdir())


def test_the_parity_export_reports_is_that_of_real_rows(sample_trained: Trained) -> None:
    parity = check_parity(sample_trained.run, sample_trained.bundle)
    assert set(parity.to_json()) == {"extractor", "logits", "probabilities", "portable", "thresholds"}
    assert 0 < parity.worst == max(parity.to_json().values()) <= TOLERANCE


def test_the_format_says_how_far_z_may_be_off() -> None:
    page = (Path(__file__).parents[2] / "docs" / "bundle.md").read_text(encoding="utf-8")
    for row, allowed in (
        ("an extractor trained from x on", EXTRACTOR_TOLERANCE),
        ("one that begins with a frozen backbone", FROZEN_TOLERANCE),
    ):
        (line,) = (line for line in page.splitlines() if line.startswith(f"| {row} |"))
        assert [float(cell) for cell in line.strip("| ").split(" | ")[1:]] == list(allowed.values())
