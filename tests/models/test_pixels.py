"""What is done to pixels before a backbone: against Pillow, and at any size."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image

from desire_edge.models.backbones.graphs import pixels_to_square


def squared(
    x: NDArray[np.uint8], size: int, crop: float, *, channels_last: bool = False
) -> NDArray[np.float32]:
    graph = pixels_to_square(size, (0, 0, 0), (1, 1, 1), crop, channels_last=channels_last)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    found: NDArray[np.float32] = session.run(None, {"x": x[None]})[0]
    return found


@pytest.mark.parametrize(("height", "width"), [(64, 64), (90, 61), (40, 200), (16, 16), (7, 11)])
def test_the_middle_is_resized_as_pillow_does(height: int, width: int) -> None:
    x = np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = Image.fromarray(x[top : top + side, left : left + side])
    expected = np.asarray(middle.resize((32, 32), Image.Resampling.BILINEAR)).astype(float)
    found = squared(x, 32, 1.0)[0].transpose(1, 2, 0)
    assert np.abs(found - expected).max() <= 1.01  # Pillow rounds twice
    np.testing.assert_allclose(squared(x, 32, 1.0, channels_last=True)[0], found)


def test_a_share_of_the_shorter_side_is_kept() -> None:
    x = np.random.default_rng(0).integers(0, 256, (30, 48, 3), np.uint8)
    np.testing.assert_allclose(squared(x, 15, 0.5)[0].transpose(1, 2, 0), x[7:22, 16:31], atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (3000, 1), (2, 3)])
def test_the_smallest_and_the_longest_pictures_are_taken(shape: tuple[int, int]) -> None:
    found = squared(np.full((*shape, 3), 9, np.uint8), 8, 0.875)
    np.testing.assert_allclose(found, 9)


def test_values_are_normalised_by_channel() -> None:
    graph = pixels_to_square(4, (10, 20, 30), (1, 2, 4), 1.0)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": np.full((1, 6, 6, 3), 50, np.uint8)})
    np.testing.assert_allclose(found[0, :, 0, 0], [40, 15, 5], rtol=1e-5)
