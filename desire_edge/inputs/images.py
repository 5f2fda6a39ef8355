"""Pictures: PNG and JPEG to RGB of any size, what an extractor resizes, crops and normalises itself."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.assets import Assets
from desire_edge.inputs.spec import Features, InputSpec, RawInput

MAX_PIXELS = 50_000_000  # a picture comes from anyone: a small file may unpack to a huge one

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ImageInput(InputSpec):
    """A picture, x uint8 [height, width, 3]: RGB, row by row from the top, of any size up to 50 megapixels."""

    kind: ClassVar[str] = "image"
    ragged: ClassVar[bool] = True
    dtype: ClassVar[str] = "uint8"

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape of x."""
        return (None, None, 3)

    @classmethod
    def from_json(cls, value: Mapping[str, Any], assets: Assets) -> Self:
        """Read what `to_json` wrote."""
        if value["channels"] != 3:
            raise ValueError("a picture has another number of channels than 3")
        return cls()

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON values."""
        return {"kind": self.kind, "channels": 3}

    def features_of(self, raw: RawInput, where: str) -> Features:
        """The picture, uint8 [height, width, 3], as it is."""
        if isinstance(raw, str | Mapping):
            raise DesireEdgeError(
                f"{where} is no picture, but this model takes pictures; give it a .png or .jpg file",
                "input-kind",
            )
        try:
            x = np.asarray(raw)
        except (TypeError, ValueError):
            raise DesireEdgeError(f"{where} does not hold plain numbers", "input-type") from None
        if x.dtype != np.uint8:
            raise DesireEdgeError(
                f"{where} holds {x.dtype}, but a picture is uint8, RGB from 0 to 255", "input-type"
            )
        if x.ndim != 3 or x.shape[2] != 3 or not 1 <= x.shape[0] * x.shape[1] <= MAX_PIXELS:
            raise DesireEdgeError(
                f"{where} has shape {list(x.shape)}, but this model takes pictures [height, width, 3] of at most "
                f"{MAX_PIXELS // 10**6} megapixels",
                "input-shape",
            )
        return Features(np.ascontiguousarray(x))


def decode(content: bytes, where: str) -> Pixels:
    """The picture in a PNG or JPEG file's bytes, RGB uint8 [height, width, 3], turned as its EXIF says.

    What shines through is laid on white, (c a + 255 (255 − a) + 127) div 255 of a colour c and its alpha a; of 16 bits
    a colour the upper 8 count.

    Raises:
        DesireEdgeError: no such file, one cut short, or of more than 50 megapixels.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise DesireEdgeError(
            "pictures are read by Pillow, which is not installed; install it with `pip install pillow`"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the bound below is tighter
            image: Image.Image = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
        if image.width * image.height > MAX_PIXELS:
            raise DesireEdgeError(
                f"{where} is a picture of {image.width} × {image.height} pixels; at most "
                f"{MAX_PIXELS // 10**6} megapixels are read",
                "image-large",
            )
        return _rgb(ImageOps.exif_transpose(image))
    except DesireEdgeError:
        raise
    except Image.DecompressionBombError as error:
        raise DesireEdgeError(
            f"{where} is a picture of more than {MAX_PIXELS // 10**6} megapixels, so it is not read",
            "image-large",
        ) from error
    except Exception as error:  # Pillow's readers raise whatever they meet
        reason = str(error).partition("\n")[0].replace("<_io.BytesIO object", "<").partition(" <")[0]
        raise DesireEdgeError(
            f"{where} is not a whole PNG or JPEG picture: {reason or type(error).__name__}", "image"
        ) from error


def _rgb(image: Any) -> Pixels:
    """The pixels of a Pillow image, on white."""
    if image.mode.startswith("I"):  # 16 bits of grey
        grey = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA")).astype(np.uint16)  # which holds 255² + 127
        alpha = rgba[..., 3:]
        return ((rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.array(image.convert("RGB"))
