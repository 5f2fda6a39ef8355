"""Inputs: files, and the x that a model takes of them, or when they are refused."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vectors.refusals.content import content, refused, taken, titled

WORDS = {"kind": "bag-of-words", "features": 4, "vocabulary": ["bread", "c++", "42", "naïve"]}
ONE = {"kind": "vector", "features": 1, "vocabulary": []}
THREE = {"kind": "vector", "features": 3, "vocabulary": []}
TWICE = 2**53 + 2**29 + 1  # rounded to float64 and then to float32 it is 2**53, rounded once 2**53 + 2**30
MOST = float(np.finfo(np.float32).max)


def file(value: str | bytes, name: str, spec: dict[str, Any] = THREE) -> dict[str, Any]:
    """A case's input: a model's spec and a file."""
    return {"spec": spec, "file": name, "content": content(value)}


def text(value: str | bytes, spec: dict[str, Any] = WORDS, name: str = "a.txt") -> dict[str, Any]:
    """A text."""
    return file(value, name, spec)


def features(
    value: str | bytes | dict[str, Any], spec: dict[str, Any] = WORDS, name: str = "a.json"
) -> dict[str, Any]:
    """Features by name."""
    return file(json.dumps(value) if isinstance(value, dict) else value, name, spec)


def array(
    values: Any, dtype: str | None = None, spec: dict[str, Any] = THREE, **options: Any
) -> dict[str, Any]:
    """An array as numpy writes it."""
    return file(npy(np.array(values, dtype), **options), "a.npy", spec)


def npy(values: NDArray[Any], version: tuple[int, int] | None = None) -> bytes:
    """The bytes of a .npy file."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, values, version)
    return stream.getvalue()


def headed(header: str, data: bytes = bytes(12), version: int = 1) -> dict[str, Any]:
    """A .npy file with this header."""
    width = 2 if version == 1 else 4
    padded = header + " " * (-(len(header) + 9 + width) % 64) + "\n"
    prefix = b"\x93NUMPY" + bytes((version, 0)) + len(padded).to_bytes(width, "little")
    return file(prefix + padded.encode() + data, "a.npy")


def header(shape: str = "(3,)", descr: str = "'<f4'", order: str = "False") -> str:
    """A header as numpy writes it."""
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def cases() -> list[dict[str, Any]]:
    """Files, and the x that is made of them."""
    return [
        *titled("text", texts()),
        *titled("types", dtypes()),
        *titled("shapes", shapes()),
        *titled("no .npy", broken_arrays()),
        *titled("features", sparse()),
    ]


def texts() -> list[dict[str, Any]]:
    """.txt; the words themselves are in texts.json."""
    return [
        taken("words", [1, 1, 0, 0], **text("Bread, in C++")),
        taken("no text", [0, 0, 0, 0], **text("")),
        taken("a byte order mark and another line end", [1, 0, 1, 0], **text("\ufeffbread\r\n42")),
        taken("decomposed, and in capitals", [0, 0, 0, 1], **text("NAI\u0308VE", name="A.TXT")),
        taken("letters of Unicode 16 separate, as they are none in 14", [1, 0, 1, 0], **text("bread\U00010d5042")),
        refused("for a model of vectors", "input-kind", **text("bread", THREE)),
        refused("latin-1", "encoding", **text("na\u00efve".encode("latin-1"))),
        refused("UTF-16", "encoding", **text("bread".encode("utf-16"))),
        refused("cut within a character", "encoding", **text("na\u00ef".encode()[:-1])),
        refused("another kind", "file-kind", **text("bread", name="a.csv")),
    ]  # fmt: skip


def dtypes() -> list[dict[str, Any]]:
    """.npy: the types of numbers, each rounded to float32 once."""
    plain = [
        taken(f"{dtype}", [1, 0, 2], **array([1, 0, 2], dtype))
        for dtype in ("<f2", "<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8")
    ]
    swapped = [
        taken(f"{dtype}, the other byte order", [1, 2, 300], **array([1, 2, 300], dtype))
        for dtype in (">f2", ">f4", ">f8", ">i2", ">i4", ">i8", ">u2", ">u4", ">u8")
    ]  # fmt: skip
    once, double = float(2**53 + 2**30), float(2**53)
    return [
        *plain,
        *swapped,
        taken("bool", [1, 0, 1], **array([True, False, True], "|b1")),
        taken("int8 at its ends", [-128, 127, 0], **array([-128, 127, 0], "|i1")),
        taken("uint16 at its end", [65535, 0, 1], **array([65535, 0, 1], "<u2")),
        taken("float16: the largest, the smallest, a third", [65504, 2.0**-24, 0.333251953125],
            **array([65504, 2.0**-24, 1 / 3], "<f2")),
        taken("float32: the smallest", [2.0**-149, -(2.0**-149), 2.0**-126],
            **array([2.0**-149, -(2.0**-149), 2.0**-126], "<f4")),
        taken("float64: rounded", [float(np.float32(0.1)), 16777216, MOST],
            **array([0.1, 16777217, 3.4028235e38], "<f8")),
        taken("float64: too small", [0, 2.0**-149, 0], **array([1e-50, 1e-45, -1e-300], "<f8")),
        taken("int64 over 2^53, rounded once", [once, -once, double], **array([TWICE, -TWICE, 2**53 + 1], "<i8")),
        taken("uint64 over 2^53, rounded once", [once, 2.0**64, 2.0**63],
            **array([TWICE, 2**64 - 1, 2**63 + 1], "<u8")),
        taken("int64, the other byte order, rounded once", [once, -(2.0**63), 2.0**63],
            **array([TWICE, -(2**63), 2**63 - 1], ">i8")),
        taken("int32 over 2^24", [16777216, 16777220, -16777216], **array([16777217, 16777219, -16777217], "<i4")),
        taken("for words too", [1, 0, 0.5, 2], **array([1, 0, 0.5, 2], "<f4", WORDS)),
        refused("complex numbers", "input-type", **array([1, 0, 2], "<c8")),
        refused("strings", "input-type", **array(["a", "b", "c"])),
        refused("bytes", "input-type", **array([b"a", b"b", b"c"])),
        refused("dates", "input-type", **array(["2020-01-01"] * 3, "<M8[D]")),
        refused("spans of time", "input-type", **array([1, 2, 3], "<m8[s]")),
        refused("float128", "input-type", **headed(header(descr="'<f16'"), bytes(48))),
        refused("objects, which are pickled", "input-type", **headed(header(descr="'|O'"), b"\x80\x04N.")),
        refused("raw bytes", "input-type", **headed(header(descr="'|V4'"))),
        refused("records", "input-type", **file(npy(np.zeros(3, [("a", "<f4")])), "a.npy")),
        refused("NaN", "input-finite", **array([1, np.nan, 2], "<f4")),
        refused("infinity in float16", "input-finite", **array([1, np.inf, 2], "<f2")),
        refused("minus infinity", "input-finite", **array([-np.inf, 1, 2], "<f8")),
        refused("beyond float32", "input-finite", **array([1e39, 1, 2], "<f8")),
        refused("beyond float32 after rounding", "input-finite", **array([3.4028236e38, 1, 2], "<f8")),
    ]  # fmt: skip


def shapes() -> list[dict[str, Any]]:
    """.npy: [n] and [1, n], in either order and of every version."""
    one = np.array([[1, 2, 3]], np.float32)
    return [
        taken("[1, n]", [1, 2, 3], **array([[1, 2, 3]], "<f4")),
        taken("[1, n] in Fortran's order", [1, 2, 3], **file(npy(np.asfortranarray(one)), "a.npy")),
        taken("[1, n] said to be in Fortran's order", [1, 2, 3],
            **headed(header("(1, 3)", order="True"), one.tobytes())),
        taken("[n] said to be in Fortran's order", [1, 2, 3], **headed(header(order="True"), one.tobytes())),
        taken("[1]", [7], **array([7], "<f4", ONE)),
        taken("[1, 1]", [7], **array([[7]], "<f4", ONE)),
        taken("version 2", [1, 2, 3], **array([1, 2, 3], "<f4", version=(2, 0))),
        taken("version 3", [1, 2, 3], **array([1, 2, 3], "<f8", version=(3, 0))),
        taken("double quotes, other spaces and order", [1, 2, 3],
            **headed('{"shape":(3 , ),"fortran_order":False , "descr":"<f4"}', one.tobytes())),
        refused("no dimension", "input-shape", **array(7, "<f4", ONE)),
        refused("a column", "input-shape", **array([[1], [2], [3]], "<f4")),
        refused("[1, 1, n]", "input-shape", **array([[[1, 2, 3]]], "<f4")),
        refused("two rows", "input-shape", **array([[1, 2, 3]] * 2, "<f4")),
        refused("too few numbers", "input-shape", **array([1, 2], "<f4")),
        refused("too many numbers", "input-shape", **array([1, 2, 3, 4], "<f4")),
        refused("no number", "input-shape", **array([], "<f4")),
        refused("no row", "input-shape", **array(np.zeros((0, 3)), "<f4")),
    ]  # fmt: skip


def broken_arrays() -> list[dict[str, Any]]:
    """.npy: what is none."""
    whole = npy(np.array([1, 2, 3], np.float32))
    archive = io.BytesIO()
    np.savez(archive, np.zeros(3, np.float32))
    return [
        refused("nothing", "npy", **file(b"", "a.npy")),
        refused("text", "npy", **file("1 2 3", "a.npy")),
        refused("an archive of arrays", "npy", **file(archive.getvalue(), "a.npy")),
        refused("a pickle", "npy", **file(b"\x80\x04N.", "a.npy")),
        refused("its first bytes", "npy", **file(whole[:8], "a.npy")),
        refused("a header cut short", "npy", **file(whole[:40], "a.npy")),
        refused("data cut short", "npy", **file(whole[:-1], "a.npy")),
        refused("no data", "npy", **file(whole[:-12], "a.npy")),
        refused("a byte left over", "npy", **file(whole + b"\0", "a.npy")),
        refused("a number left over", "npy", **file(whole + bytes(4), "a.npy")),
        refused("another magic", "npy", **file(b"\x94" + whole[1:], "a.npy")),
        refused("version 4", "npy", **headed(header(), version=4)),
        refused("version 0", "npy", **file(whole[:6] + b"\0" + whole[7:], "a.npy")),
        refused("a header that is none", "npy", **headed("three numbers")),
        refused("a header that is a list", "npy", **headed("['<f4', False, (3,)]")),
        refused("a header without a shape", "npy", **headed("{'descr': '<f4', 'fortran_order': False, }")),
        refused("a header without an order", "npy", **headed("{'descr': '<f4', 'shape': (3,), }")),
        refused("a header without a type", "npy", **headed("{'fortran_order': False, 'shape': (3,), }")),
        refused("a header with more", "npy",
            **headed("{'descr': '<f4', 'fortran_order': False, 'more': 1, 'shape': (3,), }")),
        refused("a header that is not closed", "npy",
            **headed("{'descr': '<f4', 'fortran_order': False, 'shape': (3,),")),
        refused("a header that is deep", "npy", **headed(header("-" * 9000 + "1"))),
        refused("a shape that is a number", "npy", **headed(header("(3)"))),
        refused("a shape of a negative size", "npy", **headed(header("(-3,)"))),
        refused("a shape of fractions", "npy", **headed(header("(3.0,)"))),
        refused("a shape of strings", "npy", **headed(header("('3',)"))),
        refused("a shape of terabytes", "npy", **headed(header("(10000000000000,)"))),
        refused("a shape beyond 64 bits", "npy", **headed(header("(9223372036854775807, 4)"))),
        refused("a shape far beyond 64 bits", "npy", **headed(header("(36893488147419103235,)"))),
        refused("an order that is none", "npy", **headed(header(order="'C'"))),
    ]  # fmt: skip


def sparse() -> list[dict[str, Any]]:
    """.json: features by name or index."""
    refusals = {
        "a name that is none": "oven",
        "a name in other letters": "Bread",
        "an index that is too large": "4",
        "an index of ten digits": "0000000001",
        "a negative index": "-1",
        "a fraction": "1.0",
        "digits of another script": "٣",
        "digits and a space": " 1",
        "a plus": "+1",
        "an index with an exponent": "1e0",
        "an empty name": "",
        "a name that programming languages know": "constructor",
        "another one": "__proto__",
    }
    values = {"true": "true", "null": "null", "a string": '"1"', "a list": "[1]", "an object": '{"a": 1}'}
    return [
        taken("by name", [2, -0.5, 0, 0], **features({"bread": 2, "c++": -0.5})),
        taken("by index", [0, 0, 0, 3], **features({"3": 3})),
        taken("by an index with zeros", [0, 3, 0, 0], **features({"000000001": 3})),
        taken("its own name comes before an index", [0, 0, 5, 0], **features({"42": 5})),
        taken("by index, for a model of vectors", [1, 0, -1], **features({"0": 1, "2": -1}, THREE)),
        taken("no feature", [0, 0, 0, 0], **features("{}")),
        taken("a byte order mark, spaces, capitals", [0, 0, 0, 1],
            **features('\ufeff\r\n { "na\\u00efve" : 1 } \n', name="a.JSON")),
        taken("a key twice: the last", [3, 0, 0, 0], **features('{"bread": 1, "c++": 0, "bread": 3}')),
        taken("an exponent", [1500, 0, 0, 0], **features('{"bread": 1.5e3}')),
        taken("too small", [0, 0, 0, 0], **features('{"bread": 1e-50}')),
        taken("the largest", [MOST, 0, 0, 0], **features('{"bread": 3.4028235e38}')),
        taken("a number of JSON is a double before it is rounded", [2.0**53, 0, 0, 0],
            **features(f'{{"bread": {TWICE}}}')),
        *(refused(about, "input-feature", **features({name: 1})) for about, name in refusals.items()),
        refused("a name, for a model of vectors", "input-feature", **features({"bread": 1}, THREE)),
        refused("an index that is too large, for a model of vectors", "input-feature", **features({"3": 1}, THREE)),
        refused("one feature by name and by index", "input-feature", **features('{"bread": 1, "0": 2}')),
        refused("one feature by two indices", "input-feature", **features('{"1": 1, "01": 2}')),
        *(refused(f"the value {about}", "input-type",
            **features(f'{{"bread": {value}}}')) for about, value in values.items()),
        refused("beyond float32", "input-finite", **features('{"bread": 1e39}')),
        refused("beyond float32, negative", "input-finite", **features('{"bread": -1e39}')),
        refused("beyond float64", "input-finite", **features('{"bread": 1e999}')),
        refused("an integer beyond float64", "input-finite", **features(f'{{"bread": 1{"0" * 400}}}')),
        refused("an integer of thousands of digits", "input-finite", **features(f'{{"bread": 1{"0" * 5000}}}')),
        refused("NaN", "json", **features('{"bread": NaN}')),
        refused("Infinity", "json", **features('{"bread": Infinity}')),
        refused("no JSON", "json", **features("bread: 1")),
        refused("nothing", "json", **features("")),
        refused("cut short", "json", **features('{"bread": 1')),
        refused("more behind", "json", **features('{"bread": 1} 2')),
        refused("a zero too many", "json", **features('{"bread": 01}')),
        refused("a list", "json", **features("[1, 2, 3, 4]")),
        refused("a number", "json", **features("1")),
        refused("null", "json", **features("null")),
        refused("half a character", "json", **features(r'{"\ud800": 1}')),
        refused("nested too deeply", "json", **features(f'{{"bread": {"[" * 600}{"]" * 600}}}')),
        refused("latin-1", "encoding", **features('{"naïve": 1}'.encode("latin-1"))),
        refused("UTF-16", "encoding", **features('{"bread": 1}'.encode("utf-16"))),
    ]  # fmt: skip
