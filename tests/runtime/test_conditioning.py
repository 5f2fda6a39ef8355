"""A model whose biases cancel: the runtime adapts it in double precision, and what it reports is what the head says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from core.reference import (
    Model,
    adapt,
    conditioning,
    folded,
    lowrank_arrays,
    project,
    random_model,
    random_task,
    relative_error,
)

from desire_edge import _core
from desire_edge.runtime.adaptation import learn
from desire_edge.runtime.heads import PaperSemantics

N, D = 3, 24


def cancelling(generator: torch.Generator) -> tuple[Model, torch.Tensor]:
    """A model, and features [6, d] on which b2 takes away most of what w2 gives."""
    model = random_model(generator, D, 20, 12)
    z = torch.randn(1, D, generator=generator, dtype=torch.float64)
    z = z + 0.15 * torch.randn(6, D, generator=generator, dtype=torch.float64)
    mean = (torch.relu(z @ model.w1 + model.b1) @ model.w2).mean(dim=0)
    return replace(model, b2=-0.95 * mean), z


def test_an_ill_conditioned_model_is_adapted_in_double() -> None:
    generator = torch.Generator().manual_seed(5)
    model, z = cancelling(generator)
    task = replace(random_task(generator, len(z), N, D, 3), z=z)
    # The runtime's inner loss is a sum over labels, the reference's a mean.
    task = replace(task, mask=torch.ones_like(task.mask), step_sizes=0.05 * task.step_sizes)
    semantics = PaperSemantics.of(
        {
            **{"w_base": 0, "w_i": 0, "base_bias": 0},  # not read
            **lowrank_arrays(model, np.float32),
            "step_sizes": (task.step_sizes / N).numpy(),
            "threshold_weights": np.zeros(_core.THRESHOLD_WEIGHTS),
        }
    )
    arrays = task.arrays(np.float32)
    head = learn(
        semantics.packed(),
        arrays["z"],
        arrays["targets"],
        arrays["mask"],
        arrays["w_novel"],
    )
    models, _ = adapt(model, task)
    taken = len(head.losses) - 1
    assert taken > 0
    assert _core.MAX_CONDITIONING < conditioning(models[0], z) < 30
    assert head.conditioning > _core.MAX_CONDITIONING
    # q0 itself is stored in single precision, so that κ² of its rounding is left.
    expected = project(models[taken], z, task.w_novel)
    assert relative_error(head.logits, expected) < 1e-4
    given = _core.head_logits(z=arrays["z"], r=semantics.r, **folded(head.weights, N))
    assert relative_error(given, expected) < 1e-3
