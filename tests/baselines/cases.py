"""What tests of the baselines share: random episodes, small methods, each method's equation, and SGD by the book."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from desire_edge.baselines import METHODS, MetaTrained, Method
from desire_edge.models import SemanticInference
from desire_edge.training.inner_loop import STEP_SIZE_GROUPS, EpisodeBatch
from desire_edge.training.loss import inner_loss

FEATURES, BASE = 7, 9
META_TRAINED = [name for name, method in METHODS.items() if issubclass(method, MetaTrained)]
SMALL: dict[str, dict[str, Any]] = {
    "pretrained": {"steps": 4},
    "maml": {"hidden": 5},
    "reptile": {"hidden": 5, "inner_steps": 4, "test_steps": 4},
    "ataml": {"slots": 3, "width": 4, "step_size": 0.7},
    "maml++": {"hidden": 5, "inner_steps": 3},
    "no-l2": {"hidden": 5, "step_size": 0.3},
    "no-pretraining": {"hidden": 5, "step_size": 0.3, "extractor": (8,)},
    "no-inference": {"step_size": 0.1},
    "desire-net": {"hidden": 5, "step_size": 0.3},
    "plain-pretraining": {"hidden": 5, "step_size": 0.3},
    "protonet": {"hidden": 5, "dimension": 6},
    "all-positive": {},
}


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_episodes(
    seed: int = 0, e: int = 3, s: int = 5, q: int = 4, n: int = 3, features: int = FEATURES
) -> EpisodeBatch:
    """Episodes in float64, about a sixth of the targets unknown, some base labels masked."""
    return EpisodeBatch(
        z=normal(seed, e, s + q, features) + 0.5,
        targets=(normal(seed + 1, e, s + q, n) > 0).double(),
        mask=(normal(seed + 2, e, s + q, n) > -1).double(),
        w_novel=normal(seed + 3, e, features, n),
        base_mask=(normal(seed + 4, e, BASE) > -0.5).double(),
        support=s,
    )


def make(name: str, seed: int = 0, trunk: Sequence[int] | None = None, **settings: Any) -> Method:
    """A small method in float64, its parameters moved off any special starting values."""
    kind = METHODS[name]
    torch.manual_seed(seed)
    rows = normal(seed + 10, 40, FEATURES) + 0.5
    w_base = normal(seed + 11, FEATURES, BASE)
    method = kind(rows, w_base, kind.CONFIG(**{**SMALL[name], **settings}), trunk)
    with torch.no_grad():
        for index, parameter in enumerate(method.parameters()):
            parameter.add_(0.1 * normal(seed + 20 + index, *parameter.shape))
    return method


def meta_trained(
    name: str, seed: int = 0, trunk: Sequence[int] | None = None, **settings: Any
) -> MetaTrained:
    method = make(name, seed, trunk, **settings)
    assert isinstance(method, MetaTrained)
    return method


def one(episodes: EpisodeBatch, index: int) -> EpisodeBatch:
    """The batch that holds episode `index` alone."""
    at = slice(index, index + 1)
    base_mask = None if episodes.base_mask is None else episodes.base_mask[at]
    return replace(
        episodes,
        z=episodes.z[at],
        targets=episodes.targets[at],
        mask=episodes.mask[at],
        w_novel=episodes.w_novel[at],
        base_mask=base_mask,
    )


@dataclass(frozen=True)
class ByHand:
    """A method's inner loop for one episode, in the terms of its paper.

    Attributes:
        weights: what is adapted, for this episode alone.
        logits: (weights, rows [R, features]) -> [R, N].
        sizes: the step size of each weight at each step.
    """

    weights: dict[str, Tensor]
    logits: Callable[[dict[str, Tensor], Tensor], Tensor]
    sizes: list[dict[str, Tensor | float]]


def sgd_by_hand(
    hand: ByHand, episodes: EpisodeBatch, index: int, *, second_order: bool = True
) -> list[Tensor]:
    """Plain SGD on the support set of one episode through autograd: logits [S+Q, N] after each step."""
    s = episodes.support
    weights = hand.weights
    steps = [hand.logits(weights, episodes.z[index])]
    for sizes in hand.sizes:
        loss = inner_loss(
            hand.logits(weights, episodes.z[index, :s]), episodes.targets[index, :s], episodes.mask[index, :s]
        )
        gradients = torch.autograd.grad(
            loss, list(weights.values()), create_graph=second_order, retain_graph=True
        )
        weights = {
            name: weight - sizes[name] * gradient
            for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
        }
        steps.append(hand.logits(weights, episodes.z[index]))
    return steps


def by_hand(name: str, method: Any, episodes: EpisodeBatch, index: int) -> ByHand:
    """The equations of method `name` for episode `index`, each label's classifier its own tensor."""
    return {
        "pretrained": _pretrained,
        "maml": _maml,
        "reptile": _maml,
        "maml++": _maml_plus_plus,
        "ataml": _ataml,
        "no-l2": _no_l2,
        "no-inference": _no_inference,
    }[name](method, episodes, index)


ADAPTED = ["pretrained", "maml", "reptile", "maml++", "ataml", "no-l2", "no-inference"]
"""The methods whose inner loop is `adaptation.adapt`; DESIRE-Net's is tested with `training.inner_loop`."""


def _standardized(method: Any, x: Tensor) -> Tensor:
    rows = normal(10, 40, FEATURES) + 0.5  # as in `make`
    centred = rows - rows.mean(0)
    return (x - rows.mean(0)) / (centred**2).mean().sqrt()


def _classifiers(theta: Any, ways: int) -> dict[str, Tensor]:
    weights = {f"head {label}": theta["head"][:, 0].clone() for label in range(ways)}
    return weights | {f"bias {label}": theta["head_bias"][0, 0].clone() for label in range(ways)}


def _classified(weights: dict[str, Tensor], rows: Tensor) -> Tensor:
    ways = sum(name.startswith("head ") for name in weights)
    return torch.stack([rows @ weights[f"head {i}"] + weights[f"bias {i}"] for i in range(ways)], dim=-1)


def _pretrained(method: Any, episodes: EpisodeBatch, index: int) -> ByHand:
    zero = {"head": torch.zeros(FEATURES, 1).double(), "head_bias": torch.zeros(1, 1).double()}
    weights = {n: w.requires_grad_() for n, w in _classifiers(zero, episodes.targets.shape[-1]).items()}
    sizes = [dict.fromkeys(weights, method.config.step_size)] * method.config.steps
    return ByHand(weights, lambda w, z: _classified(w, _standardized(method, z)), sizes)


def _network(method: Any, episodes: EpisodeBatch) -> ByHand:
    layers = {name: weight.clone() for name, weight in method.theta.items() if "head" not in name}
    depth = len(layers) // 2

    def logits(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        hidden = _standardized(method, x)
        for layer in range(1, depth + 1):
            hidden = torch.relu(hidden @ weights[f"w{layer}"] + weights[f"b{layer}"])
        return _classified(weights, hidden)

    return ByHand(layers | _classifiers(method.theta, episodes.targets.shape[-1]), logits, [])


def _maml(method: Any, episodes: EpisodeBatch, index: int) -> ByHand:
    network = _network(method, episodes)
    steps = method.config.inner_steps if method.training else method.config.test_steps
    return ByHand(
        network.weights, network.logits, [dict.fromkeys(network.weights, method.config.step_size)] * steps
    )


def _maml_plus_plus(method: Any, episodes: EpisodeBatch, index: int) -> ByHand:
    network = _network(method, episodes)
    # One layer a column, the classifiers last.
    column = {
        name: int(name[1:]) - 1 if name[0] in "wb" and name[1:].isdigit() else -1 for name in network.weights
    }
    sizes: list[dict[str, Tensor | float]] = [
        {name: torch.exp(method.step_sizes.log[step, column[name]]) for name in network.weights}
        for step in range(method.config.inner_steps)
    ]
    return ByHand(network.weights, network.logits, sizes)


def _ataml(method: Any, episodes: EpisodeBatch, index: int) -> ByHand:
    layers = [layer for layer in method.representation if isinstance(layer, torch.nn.Linear)]
    weights = _classifiers(method.theta, episodes.targets.shape[-1])
    weights["attention"] = method.theta["attention"][:, 0].clone()

    def logits(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        x = _standardized(method, x)
        for layer in layers:
            x = torch.relu(x @ layer.weight.T + layer.bias)
        attended = []
        for row in x:
            slots = row.reshape(method.config.slots, method.config.width)
            alpha = torch.softmax(torch.stack([slot @ weights["attention"] for slot in slots]), dim=0)
            attended.append(sum(a * slot for a, slot in zip(alpha, slots, strict=True)))
        return _classified(weights, torch.stack(attended))

    steps = method.config.inner_steps if method.training else method.config.test_steps
    return ByHand(weights, logits, [dict.fromkeys(weights, method.config.step_size)] * steps)


def _no_l2(method: Any, episodes: EpisodeBatch, index: int) -> ByHand:
    head: SemanticInference = method.head
    rows = normal(10, 40, FEATURES) + 0.5  # as in `make`
    column = {n: i for i, group in enumerate(STEP_SIZE_GROUPS) for n in group.split(", ")}
    weights = {name: parameter.clone() for name, parameter in head.named_parameters()}
    sizes: list[dict[str, Tensor | float]] = [
        {name: torch.exp(method.step_sizes.log[step, column[name]]) for name in weights}
        for step in range(method.config.inner_steps)
    ]
    c1, c2 = method.known_scale, (rows @ head.w_base).norm(dim=1).mean()
    assert episodes.base_mask is not None
    base_mask, w_novel = episodes.base_mask[index], episodes.w_novel[index]

    def logits(w: dict[str, Tensor], z: Tensor) -> Tensor:
        known: Tensor = w["gamma1"] * (torch.relu(z @ w["w1"] + w["b1"]) @ w["w2"] + w["b2"]) / c1
        inferred: Tensor = w["gamma2"] * (z @ head.w_base * base_mask) / c2 @ w["w_i"]
        return torch.matmul(known + inferred, w_novel)

    return ByHand(weights, logits, sizes)


def _no_inference(method: Any, episodes: EpisodeBatch, index: int) -> ByHand:
    sizes: list[dict[str, Tensor | float]] = [{"a": size.exp()} for size in method.step_sizes.log[:, 0]]
    return ByHand({"a": method.a.clone()}, lambda w, z: z @ w["a"] @ episodes.w_novel[index], sizes)
