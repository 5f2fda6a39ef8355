"""Pictures of every kind that PNG and JPEG have, so that all clients can be held to the same pixels."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageCms

WIDTH, HEIGHT = 16, 9
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGBA: (8, 16)}
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
ORIENTATION = 0x112


def pictures() -> Iterator[tuple[str, bytes]]:
    """File names and whole files."""
    generator = np.random.default_rng(0)
    for kind, depths in DEPTHS.items():
        for depth in depths:
            yield from pngs(kind, depth, generator)
    yield "alpha.png", saved(every_colour_and_alpha(), "PNG")
    image = mixed(generator)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    yield "profile.png", saved(image, "PNG", icc_profile=profile)
    yield "profile.jpg", saved(image, "JPEG", quality=95, icc_profile=profile)
    yield "grey.jpg", saved(image.convert("L"), "JPEG")
    yield "inks.jpg", saved(image.convert("CMYK"), "JPEG")
    yield "progressive.jpeg", saved(image, "JPEG", quality=80, progressive=True)
    for subsampling in (0, 1, 2):
        yield f"subsampled {subsampling}.jpg", saved(image, "JPEG", quality=90, subsampling=subsampling)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        yield f"turned {orientation}.jpg", saved(image, "JPEG", exif=exif)
        yield f"turned {orientation}.PNG", saved(image, "PNG", exif=exif)


def pngs(kind: int, depth: int, generator: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """A PNG of noise, and one with what shines through beside its colours, where Pillow knows that."""
    width = (WIDTH * CHANNELS[kind] * depth + 7) // 8
    rows = [generator.integers(0, 256, width, np.uint8).tobytes() for _ in range(HEIGHT)]
    colours = 2**depth
    before = chunk(b"PLTE", generator.bytes(3 * colours)) if kind == PALETTE else b""
    yield f"kind {kind} depth {depth}.png", png(kind, depth, rows, before)
    clear = {
        (PALETTE, depth): generator.bytes(colours // 2) if kind == PALETTE else b"",
        (GREY, 8): bytes((0, rows[0][0])),
        (RGB, 8): bytes(byte for colour in rows[0][:3] for byte in (0, colour)),
    }.get((kind, depth))
    if clear is not None:
        yield f"kind {kind} depth {depth} clear.png", png(kind, depth, rows, before + chunk(b"tRNS", clear))


def png(kind: int, depth: int, rows: list[bytes], before: bytes) -> bytes:
    """A PNG of packed rows, none of them filtered, with chunks before them."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, kind, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = (chunk(b"IHDR", header), before, chunk(b"IDAT", data), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def every_colour_and_alpha() -> Image.Image:
    """[256, 256] RGBA: a colour's value by row, its alpha by column."""
    values, alphas = np.mgrid[0:256, 0:256].astype(np.uint8)
    return Image.fromarray(np.stack([values, 255 - values, np.full_like(values, 77), alphas], axis=-1))


def mixed(generator: np.random.Generator) -> Image.Image:
    """[61, 83] RGB: waves and some noise, no side a multiple of JPEG's blocks."""
    y, x = np.mgrid[0:61, 0:83]
    waves = np.stack([128 + 100 * np.sin(x / 9), 128 + 100 * np.cos(y / 7), (3 * x + 2 * y) % 256], axis=-1)
    noise = generator.integers(0, 256, waves.shape)
    return Image.fromarray(((3 * waves + noise) / 4).astype(np.uint8))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def broken() -> Iterator[tuple[str, bytes]]:
    """Files that are no whole pictures, and their names."""
    image = mixed(np.random.default_rng(1))
    for ending, kind in ((".png", "PNG"), (".jpg", "JPEG")):
        whole = saved(image, kind)
        yield f"cut{ending}", whole[: len(whole) // 2]
        yield f"header{ending}", whole[:20]
        yield f"nothing{ending}", b""
        yield f"text{ending}", b"a picture of bread\n"
    yield "empty.png", b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b"")
    flipped = bytearray(saved(image, "PNG"))
    flipped[len(flipped) // 2] ^= 0xFF
    yield "flipped.png", bytes(flipped)
    header = struct.pack(">IIBBBBB", 2**16, 2**15, 8, RGB, 0, 0, 0)
    huge = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    yield "huge.png", b"\x89PNG\r\n\x1a\n" + huge
