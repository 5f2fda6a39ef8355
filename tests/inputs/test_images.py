"""Pictures: what a file's pixels are, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import Assets, ImageInput, input_from_json, read_input
from desire_edge.inputs.images import decode

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (5, 7, 3), np.uint8)


def encoded(pixels: NDArray[Any], mode: str | None = None, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(pixels) if mode is None else Image.fromarray(pixels).convert(mode)
    image.save(out, kind, **options)
    return out.getvalue()


def test_a_png_gives_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "picture.PNG"
    path.write_bytes(encoded(RGB))
    np.testing.assert_array_equal(read_input(path), RGB)


def test_a_jpeg_gives_about_its_pixels(tmp_path: Path) -> None:
    smooth = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 48, 0).repeat(3, 2)
    for name in ("a.jpg", "a.jpeg"):
        (tmp_path / name).write_bytes(encoded(smooth, kind="JPEG", quality=95))
        found = np.asarray(read_input(tmp_path / name))
        assert found.shape == (48, 64, 3)
        assert np.abs(found.astype(int) - smooth).max() <= 4


def test_grey_palette_and_sixteen_bits_become_rgb() -> None:
    grey = RNG.integers(0, 256, (4, 6), np.uint8)
    np.testing.assert_array_equal(decode(encoded(grey), "g"), np.repeat(grey[..., None], 3, 2))
    few = RGB // 128 * 255
    np.testing.assert_array_equal(decode(encoded(few, "P"), "p"), few)
    deep = RNG.integers(0, 2**16, (4, 6), np.uint16)
    np.testing.assert_array_equal(decode(encoded(deep), "d")[..., 1], (deep >> 8).astype(np.uint8))
    black = encoded(np.zeros((2, 3), bool))
    np.testing.assert_array_equal(decode(black, "b"), np.zeros((2, 3, 3)))
    cmyk = decode(encoded(np.full((8, 8, 3), 200, np.uint8), "CMYK", kind="JPEG"), "c")
    assert np.abs(cmyk.astype(int) - 200).max() <= 3


@given(st.integers(0, 255), st.integers(0, 255))
def test_what_shines_through_lies_on_white(colour: int, alpha: int) -> None:
    pixels = np.array([[[colour, 0, 255, alpha]]], np.uint8)
    found = decode(encoded(pixels), "a")[0, 0].tolist()
    assert found == [(c * alpha + 255 * (255 - alpha) + 127) // 255 for c in (colour, 0, 255)]
    assert abs(found[0] - (colour * alpha / 255 + 255 - alpha)) <= 0.5


def test_a_colour_that_means_transparent_is_white() -> None:
    pixels = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    np.testing.assert_array_equal(
        decode(encoded(pixels, transparency=(1, 2, 3)), "t"), [[[255] * 3, [4, 5, 6]]]
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_says(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = {
        1: RGB, 2: RGB[:, ::-1], 3: RGB[::-1, ::-1], 4: RGB[::-1], 5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, -1), 7: RGB[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(RGB),
    }[orientation]  # fmt: skip
    np.testing.assert_array_equal(decode(encoded(RGB, exif=exif), "e"), turned)


def huge() -> bytes:
    """A small file of 10,000 × 10,000 pixels."""
    return encoded(np.zeros((10_000, 10_000), bool))


REFUSED = {
    "nothing": (b"", "image"),
    "text": (b"a text", "image"),
    "a gif": (encoded(RGB, kind="GIF"), "image"),
    "a png cut short": (encoded(RNG.integers(0, 256, (64, 64, 3), np.uint8))[:2000], "image"),
    "a jpeg cut short": (encoded(RNG.integers(0, 256, (64, 64, 3), np.uint8), kind="JPEG")[:900], "image"),
    "a png with a flipped byte": (encoded(RGB)[:60] + b"!" + encoded(RGB)[61:], "image"),
    "100 megapixels": (huge(), "image-large"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_is_refused_in_one_sentence(name: str) -> None:
    content, code = REFUSED[name]
    with pytest.raises(DesireEdgeError, match=r"^pages/one\.png ") as refused:
        decode(content, "pages/one.png")
    assert refused.value.code == code
    assert "\n" not in str(refused.value)
    assert "object at" not in str(refused.value)


@given(st.binary(max_size=200), st.integers(0, 60))
def test_no_bytes_break_the_reader(noise: bytes, at: int) -> None:
    whole = encoded(RGB)
    try:
        assert decode(whole[:at] + noise + whole[at + len(noise) :], "x").dtype == np.uint8
    except DesireEdgeError as error:
        assert error.code in ("image", "image-large")


def test_the_spec_comes_back_from_its_json_and_takes_pixels_alone() -> None:
    spec = input_from_json(ImageInput().to_json(), "here", "manifest", Assets())
    assert spec == ImageInput()
    assert (spec.ragged, spec.dtype, spec.shape, spec.features) == (True, "uint8", (None, None, 3), 0)
    np.testing.assert_array_equal(spec.features_of(RGB, "one").x, RGB)
    np.testing.assert_array_equal(spec.features_of(Image.fromarray(RGB), "one").x, RGB)  # type: ignore[arg-type]
    for raw, code in (
        ("a text", "input-kind"),
        ({"a": 1.0}, "input-kind"),
        (RGB.astype(np.float32), "input-type"),
        ([[1, 2], [3]], "input-type"),
        (RGB[..., :2], "input-shape"),
        (RGB[0], "input-shape"),
        (RGB[:0], "input-shape"),
        (np.lib.stride_tricks.as_strided(RGB, (10_000, 10_000, 3), (0, 0, 1)), "input-shape"),
    ):
        with pytest.raises(DesireEdgeError) as refused:
            spec.features_of(raw, "one")  # type: ignore[arg-type]
        assert refused.value.code == code
    with pytest.raises(DesireEdgeError, match="channels"):
        input_from_json({"kind": "image", "channels": 4}, "here", "manifest", Assets())
