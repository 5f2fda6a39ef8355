"""Eq. (1) and its adaptation by torch autograd in float64: what every other implementation is held to.

Written from the equations alone: no code of the package is imported. All tensors are float64; S examples, N labels,
d feature dimensions, h hidden units, B base labels, T steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

NORM_EPSILON = 1e-6
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """The learned tensors and the fixed word vectors of the base labels."""

    w1: torch.Tensor  # [d, h]
    b1: torch.Tensor  # [h]
    w2: torch.Tensor  # [h, d]
    b2: torch.Tensor  # [d]
    gamma1: torch.Tensor  # scalar
    gamma2: torch.Tensor  # scalar
    w_i: torch.Tensor  # [B, d]
    w_base: torch.Tensor  # [d, B], never learned

    def arrays(self, dtype: type[np.floating[Any]] = np.float64) -> dict[str, Any]:
        """The fields as numpy arrays of `dtype`, the factors as floats: keyword arguments of the extension."""
        named = {
            field.name: getattr(self, field.name).detach().numpy().astype(dtype) for field in fields(self)
        }
        return {name: float(value) if value.ndim == 0 else value for name, value in named.items()}


@dataclass(frozen=True)
class Task:
    """A support set, the labels' word vectors and the step sizes."""

    z: torch.Tensor  # [S, d]
    targets: torch.Tensor  # [S, N]
    mask: torch.Tensor  # [S, N]
    w_novel: torch.Tensor  # [d, N]
    step_sizes: torch.Tensor  # [T, 5]: (w1, b1), (w2, b2), w_i, gamma1, gamma2
    known_labels: torch.Tensor | None = None  # [S, B] in {0, 1}; no argument of the extension

    def arrays(self, dtype: type[np.floating[Any]] = np.float64) -> dict[str, Any]:
        """The fields as numpy arrays of `dtype`: keyword arguments of the extension."""
        names = [field.name for field in fields(self) if field.name != "known_labels"]
        return {name: getattr(self, name).numpy().astype(dtype) for name in names}


def smooth_norm(a: torch.Tensor) -> torch.Tensor:
    """sqrt(a.a + eps^2) of each row, [rows, 1]."""
    return torch.sqrt((a * a).sum(dim=1, keepdim=True) + NORM_EPSILON**2)


def transform(model: Model, z: torch.Tensor) -> torch.Tensor:
    """W_Z(z), [S, d]."""
    return torch.relu(z @ model.w1 + model.b1) @ model.w2 + model.b2


def base_scores(model: Model, z: torch.Tensor, known_labels: torch.Tensor | None) -> torch.Tensor:
    """z w_base, and in its place the row of known_labels [S, B] where it has a 1, over its norm: [S, B]."""
    base = z @ model.w_base
    if known_labels is not None:
        base = torch.where(known_labels.sum(dim=1, keepdim=True) > 0, known_labels, base)
    return base / smooth_norm(base)


def project(
    model: Model, z: torch.Tensor, w_novel: torch.Tensor, known_labels: torch.Tensor | None = None
) -> torch.Tensor:
    """Eq. (1): logits [S, N]."""
    transformed, inferred = transform(model, z), base_scores(model, z, known_labels) @ model.w_i
    return (model.gamma1 * transformed / smooth_norm(transformed) + model.gamma2 * inferred) @ w_novel


def support_loss(model: Model, task: Task) -> torch.Tensor:
    """sum m * BCEWithLogits / sum m, and 0 where nothing is known."""
    weight = task.mask.sum()
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        project(model, task.z, task.w_novel, task.known_labels), task.targets, reduction="none"
    )
    return (task.mask * losses).sum() / (weight if weight > 0 else 1.0)


HEAD = ("w1", "b1", "v", "q", "m", "gamma1", "gamma2")
"""What a folded head is made of."""
LEARNED = {
    "w1": 0,
    "b1": 0,
    "w2": 1,
    "b2": 1,
    "w_i": 2,
    "gamma1": 3,
    "gamma2": 4,
}  # tensor: column of step_sizes


def adapt(model: Model, task: Task) -> tuple[list[Model], Array]:
    """T SGD steps: the models [T + 1] and their losses [T + 1], the one given first."""
    models = [model]
    for step_sizes in task.step_sizes:
        tensors = {name: getattr(models[-1], name).detach().requires_grad_() for name in LEARNED}
        loss = support_loss(Model(**tensors, w_base=model.w_base), task)
        gradients = torch.autograd.grad(loss, list(tensors.values()))
        stepped = {
            name: (tensors[name] - step_sizes[LEARNED[name]] * gradient).detach()
            for name, gradient in zip(LEARNED, gradients, strict=True)
        }
        models.append(Model(**stepped, w_base=model.w_base))
    return models, np.array([support_loss(each, task).item() for each in models])


def conditioning(model: Model, z: torch.Tensor) -> float:
    """The largest ||relu(z w1 + b1) w2|| / ||W_Z(z)|| over the rows of z; 0 without rows."""
    transformed = transform(model, z)
    ratio = (transformed - model.b2).norm(dim=1, keepdim=True) / smooth_norm(transformed)
    return float(ratio.max()) if len(z) else 0.0


def cancellation(models: list[Model], z: torch.Tensor) -> float:
    """How many times larger the terms of W_Z(z) and of z W_base are than their sums: what amplifies rounding.

    Unlike `conditioning` it also sees hidden units, or features, that cancel each other: the usual case in tiny sizes.
    """
    worst = 1.0
    for model in models if len(z) else []:
        hidden, base = torch.relu(z @ model.w1 + model.b1), z @ model.w_base
        terms = hidden @ model.w2.norm(dim=1, keepdim=True) + model.b2.norm()
        base_terms = z.norm(dim=1, keepdim=True) * model.w_base.norm()
        ratios = terms / smooth_norm(transform(model, z)), base_terms / smooth_norm(base)
        worst = max(worst, *(float(ratio.max()) for ratio in ratios))
    return worst


def lowrank_arrays(model: Model, dtype: type[np.floating[Any]] = np.float64) -> dict[str, Any]:
    """What the low-rank form reads in place of w_base and w_i: p = w_base w_i, r from a QR of w_base^T, q0."""
    arrays = model.arrays()
    w_base, w_i = arrays.pop("w_base"), arrays.pop("w_i")
    factor = np.linalg.qr(w_base.T, mode="r")  # [min(B, d), d]
    r = np.zeros((len(w_base), len(w_base)))
    r[: len(factor)] = factor
    tilde = np.vstack([arrays["w2"], arrays["b2"]])
    arrays |= {"p": w_base @ w_i, "r": r, "q0": tilde @ tilde.T}
    return {
        name: value if isinstance(value, float) else value.astype(dtype) for name, value in arrays.items()
    }


def scored_arrays(model: Model, task: Task, dtype: type[np.floating[Any]] = np.float64) -> dict[str, Any]:
    """What the low-rank form reads where the base labels' scores are given: w_i, q0 and the scores of the support."""
    arrays = lowrank_arrays(model, dtype)
    del arrays["p"], arrays["r"]
    scores = base_scores(model, task.z, task.known_labels).numpy().astype(dtype)
    return {**arrays, "w_i": model.arrays(dtype)["w_i"], "scores": scores}


def folded(weights: Mapping[str, Any], labels: int) -> dict[str, Any]:
    """A folded head of what `head.onnx` reads: without the unit that is 1 for every z and unused ways."""
    return {
        "w1": np.ascontiguousarray(weights["w1"][:, :-1]),
        "b1": weights["b1"][:-1],
        "v": np.ascontiguousarray(weights["v"][:, :labels]),
        "q": weights["q"],
        "m": np.ascontiguousarray(weights["m"][:, :labels]),
        "gamma1": 1.0,
        "gamma2": 1.0,
    }


def random_model(generator: torch.Generator, d: int, h: int, B: int) -> Model:
    """A model at the scale of a trained one."""

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    return Model(
        w1=normal(d, h) / d**0.5,
        b1=0.1 * normal(h),
        w2=normal(h, d) / h**0.5,
        b2=0.1 * normal(d),
        gamma1=1 + 0.1 * normal(),
        gamma2=1 + 0.1 * normal(),
        w_i=normal(B, d) / B**0.5,
        w_base=normal(d, B),
    )


def random_task(generator: torch.Generator, S: int, N: int, d: int, T: int) -> Task:
    """Random features, multi-hot targets, some of them unknown, and a step size of its own for each tensor and step."""

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    return Task(
        z=torch.randn(S, d, generator=generator, dtype=torch.float64),
        targets=(uniform(S, N) < 0.4).double(),
        mask=(uniform(S, N) < 0.8).double() * (0.5 + uniform(S, N)),
        w_novel=2 * torch.randn(d, N, generator=generator, dtype=torch.float64) / d**0.5,
        step_sizes=0.05 + 0.2 * uniform(T, 5),
    )


def relative_error(result: Any, reference: Any) -> float:
    """max|result - reference| / max|reference|; max|result| where the reference is all zero. Shapes must agree."""
    expected = np.asarray(reference, dtype=np.float64)
    found = np.asarray(result, dtype=np.float64)
    assert found.shape == expected.shape
    if expected.size == 0:
        return 0.0
    largest = np.abs(expected).max()
    return float(np.abs(found - expected).max() / (largest if largest > 0 else 1.0))
