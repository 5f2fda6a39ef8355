"""The fixed standardisation of the baselines' inputs."""

from __future__ import annotations

import torch
from baselines.cases import normal

from desire_edge.baselines.adaptation import Standardize


def test_training_rows_get_mean_zero_and_mean_square_one() -> None:
    rows = 3 * normal(0, 50, 6) + normal(1, 6) * 20
    rows = Standardize(rows)(rows)
    torch.testing.assert_close(rows.mean(dim=0), torch.zeros(6), rtol=0, atol=1e-12)
    torch.testing.assert_close(rows.square().mean(), torch.ones(()))


def test_directions_and_proportions_are_kept() -> None:
    rows = normal(2, 50, 6) * torch.tensor([1.0, 2, 3, 4, 5, 6])
    out = Standardize(rows)(rows)
    ratio = (out[1:] - out[:-1]) / (rows[1:] - rows[:-1])
    torch.testing.assert_close(ratio, ratio[0, 0].expand_as(ratio))


def test_rows_that_are_all_the_same_stay_finite() -> None:
    assert torch.equal(Standardize(torch.ones(4, 3))(torch.ones(4, 3)), torch.zeros(4, 3))
