"""Tasks for the tests of adaptation: drawn ones, and the corners by name."""

from __future__ import annotations

from dataclasses import replace

import torch
from core.reference import Model, Task, random_model, random_task
from hypothesis import strategies as st


@st.composite
def problems(draw: st.DrawFn, smallest_d: int = 1) -> tuple[Model, Task]:
    """A model and a task of any small sizes, S > d, N = 1, T = 0 and S = 0 among them."""
    S, N, T = draw(st.integers(0, 12)), draw(st.integers(1, 6)), draw(st.integers(0, 4))
    d, h, B = draw(st.integers(smallest_d, 10)), draw(st.integers(1, 12)), draw(st.integers(1, 14))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    return random_model(generator, d, h, B), random_task(generator, S, N, d, T)


def _problem(S: int = 6, N: int = 3, d: int = 8, h: int = 10, B: int = 14, T: int = 3) -> tuple[Model, Task]:
    generator = torch.Generator().manual_seed(7)
    return random_model(generator, d, h, B), random_task(generator, S, N, d, T)


def _corners() -> dict[str, tuple[Model, Task]]:
    model, task = _problem()
    duplicated = replace(
        task,
        z=task.z[[0, 0, 0, 1, 1, 2]],
        targets=task.targets[[0, 0, 0, 1, 1, 2]],
        mask=task.mask[[0, 0, 0, 1, 1, 2]],
    )
    zero_row = task.z.clone()
    zero_row[2] = 0
    one_tensor_each_step = torch.zeros(5, 5, dtype=torch.float64)
    one_tensor_each_step.fill_diagonal_(0.5)
    return {
        "more examples than dimensions": _problem(S=20, d=6),
        "one label": _problem(N=1),
        "one example": _problem(S=1),
        "no example": _problem(S=0),
        "no step": _problem(T=0),
        "fewer base labels than dimensions": _problem(B=3),
        "one base label": _problem(B=1),
        "as many base labels as dimensions": _problem(B=8),
        "duplicate examples": (model, duplicated),
        "all negative": (model, replace(task, targets=torch.zeros_like(task.targets))),
        "soft targets": (model, replace(task, targets=torch.full_like(task.targets, 0.3))),
        "all unknown": (model, replace(task, mask=torch.zeros_like(task.mask))),
        "one known target": (
            model,
            replace(task, mask=torch.zeros_like(task.mask).index_fill_(0, torch.tensor(1), 1)),
        ),
        "a zero feature vector": (model, replace(task, z=zero_row)),
        "hidden units at exactly 0": (replace(model, b1=0 * model.b1), replace(task, z=zero_row)),
        "no hidden unit active": (replace(model, b1=model.b1 - 100), task),
        "one tensor each step": (model, replace(task, step_sizes=one_tensor_each_step)),
        "no l2 term": (replace(model, gamma1=torch.tensor(0.0, dtype=torch.float64)), task),
        "large logits": (replace(model, gamma1=model.gamma1 * 1e3), task),
    }


CORNERS = _corners()


def realistic() -> tuple[Model, Task]:
    """The sizes of a trained model: 5-way, 5 shots, word vectors of norm 5, step size 1."""
    model, task = _problem(S=25, N=5, d=350, h=300, B=600, T=5)
    return model, replace(task, w_novel=2.5 * task.w_novel, step_sizes=torch.ones(5, 5, dtype=torch.float64))
