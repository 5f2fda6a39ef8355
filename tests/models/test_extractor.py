"""F: what backbone and projection make of x, what training leaves out of it, and weights of earlier versions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from desire_edge.models import EPSILON, Extractor, Mlp, turned_extractor

FEATURES, D = 7, 5


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def extractor(hidden: list[int], *, embedded: bool = False) -> Extractor:
    torch.manual_seed(0)
    return Extractor(Mlp(FEATURES, hidden, 0.3, normal(1, FEATURES, 4) if embedded else None), D).eval()


@pytest.mark.parametrize("embedded", [False, True])
def test_z_is_the_layers_one_after_the_other(embedded: bool) -> None:
    f, x = extractor([6, 3], embedded=embedded), normal(2, 10, FEATURES)
    hidden = x
    if embedded:
        summed = x @ normal(1, FEATURES, 4)
        hidden = 2 * summed / (summed.square().sum(dim=1, keepdim=True) + EPSILON**2).sqrt()  # 2 = √4
    weights = list(f.parameters())
    for weight, bias in ((weights[0], weights[1]), (weights[2], weights[3])):
        hidden = torch.relu(hidden @ weight.T + bias)
    torch.testing.assert_close(f(x), hidden @ weights[4].T + weights[5])
    assert f(x).shape == (10, f.dimension)


def test_words_are_left_out_at_random_in_training_only_and_the_rest_stays_as_it_is() -> None:
    torch.manual_seed(0)
    f = Extractor(Mlp(1000, [], 0.0, input_dropout=0.2), 1000)
    with torch.no_grad():  # what F sees, as it is
        assert isinstance(f.projection, torch.nn.Linear)
        f.projection.weight.copy_(torch.eye(1000))
        f.projection.bias.zero_()
    x = 1 + normal(1, 20, 1000).abs()
    seen = f.train()(x).detach()
    left_out = seen == 0
    assert 0.18 < left_out.float().mean() < 0.22
    assert torch.equal(seen[~left_out], x[~left_out])
    assert not torch.equal(f(x), seen)
    assert torch.equal(f.eval()(x), x)


@pytest.mark.parametrize("embedded", [False, True])
@pytest.mark.parametrize("hidden", [[], [6], [6, 3]])
def test_weights_saved_by_version_0_3_are_read(hidden: list[int], embedded: bool) -> None:
    """It called them `embedding` and `layers.0`, `layers.3`, …, the last of which was the projection."""
    f = extractor(hidden, embedded=embedded)
    names = [f"layers.{3 * layer}.{kind}" for layer in range(len(hidden) + 1) for kind in ("weight", "bias")]
    saved = dict(zip(names, (1 + parameter.detach() for parameter in f.parameters()), strict=True))
    if embedded:
        saved["embedding"] = normal(3, FEATURES, 4)
    outer = torch.nn.ModuleDict({"extractor": f})  # as a checkpoint has it, under a prefix
    outer.load_state_dict({f"extractor.{name}": tensor for name, tensor in saved.items()})
    found = [*f.parameters(), *f.buffers()]
    assert all(torch.equal(tensor, expected) for tensor, expected in zip(found, saved.values(), strict=True))


def test_weights_of_another_extractor_are_refused() -> None:
    with pytest.raises(RuntimeError, match="size mismatch"):
        extractor([6]).load_state_dict(extractor([4]).state_dict())


def test_a_turned_extractor_gives_z_times_the_axes() -> None:
    f, x = extractor([6]), normal(2, 10, FEATURES)
    axes = torch.linalg.qr(normal(4, D, D).double()).Q
    before = f(x)
    turned = turned_extractor(f, axes.numpy())
    torch.testing.assert_close(turned(x), (before.double() @ axes).float())
    assert torch.equal(f(x), before)
