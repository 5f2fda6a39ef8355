"""A bundle that is not what export wrote, by accident or on purpose, is refused in one sentence; nothing is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from safetensors.numpy import load_file, save_file
from trained import Trained

from desire_edge.runtime.manifest import FILES, FileRecord

Refused = Callable[..., str]


@pytest.fixture
def bundle(sample_trained: Trained, tmp_path: Path) -> Path:
    """A copy of a real bundle, to spoil."""
    return Path(shutil.copytree(sample_trained.bundle, tmp_path / "tagger.desire"))


@pytest.fixture
def refused_bundle(bundle: Path, refused: Refused, tmp_path: Path) -> Callable[[], str]:
    """Adapt with the bundle, which must be refused and leave no folder; return the sentence."""

    def run() -> str:
        sentence = refused("adapt", bundle, "--shots", 0, "--labels", "bread,jazz", "--out", "taught")
        assert [path.name for path in tmp_path.iterdir()] == ["tagger.desire"]
        return sentence

    return run


def change_manifest(bundle: Path, **values: object) -> None:
    """Overwrite values of the manifest; NaN and infinities are written as Python writes them."""
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    (bundle / "manifest.json").write_text(json.dumps(manifest | values))


def sign(bundle: Path) -> None:
    """Make the manifest's digests fit the files again, as someone who means harm would."""
    names = json.loads((bundle / "manifest.json").read_bytes())["files"]
    records = {name: FileRecord.of(bundle / name) for name in names}
    change_manifest(
        bundle, files={name: {"bytes": r.bytes, "sha256": r.sha256} for name, r in records.items()}
    )


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_is_noticed(name: str, bundle: Path, refused_bundle: Callable[[], str]) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    assert (
        f"{bundle / name} is not what was exported (its SHA-256 differs); copy the bundle again"
        in refused_bundle()
    )


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(name: str, bundle: Path, refused_bundle: Callable[[], str]) -> None:
    (bundle / name).unlink()
    assert f"lacks its file {name}; copy it again" in refused_bundle()


def test_a_missing_manifest_is_no_bundle(bundle: Path, refused_bundle: Callable[[], str]) -> None:
    (bundle / "manifest.json").unlink()
    assert "is not a bundle: it holds no manifest.json" in refused_bundle()


@pytest.mark.parametrize("version", [0, 1, 2, 8, "3", "6", None, [3], 10**30])
def test_an_unknown_schema_version_is_refused(
    version: object, bundle: Path, refused_bundle: Callable[[], str]
) -> None:
    change_manifest(bundle, schema_version=version)
    sentence = refused_bundle()
    assert f"has schema version {version!r}, but this desire-edge reads versions 3, 4, 5, 6 and 7" in sentence
    assert "install the desire-edge that matches it" in sentence


def of_head(conditioning: object) -> dict[str, Any]:
    """A manifest's change to the paper's head, of that conditioning."""
    return {"head": {"kind": "paper", "hidden": 300, "conditioning": conditioning}}


RECORD = {"bytes": 1, "sha256": "0" * 64}
MANIFESTS: dict[str, tuple[dict[str, Any], str]] = {
    "no ways": ({"ways": 0}, "ways is 0"),
    "negative dimension": ({"dimension": -350}, "dimension is -350"),
    "endless batch": ({"batch": 10**12}, "batch is 1000000000000, not a number from 1 to 4096"),
    "half a way": ({"ways": 1.5}, "ways is 1.5"),
    "a size in words": ({"head": {"kind": "paper", "hidden": "300"}}, "hidden is '300'"),
    "another head": ({"head": {"kind": "sgd"}}, "the head is 'sgd', not one of paper, prior"),
    "no head": ({"head": None}, "head or names is no object"),
    "a size that is true": ({"opset": True}, "opset is True"),
    "conditioning NaN": (of_head(float("nan")), "NaN is no JSON number"),
    "conditioning negative": (of_head(-1), "conditioning is -1"),
    "conditioning endless": (of_head(10**400), "is not a manifest of desire-edge"),
    "conditioning a list": (of_head([]), "is not a manifest of desire-edge"),
    "no base labels": ({"base_labels": []}, "base_labels is not a list of names"),
    "known labels missing": ({"known_labels": None}, "known_labels is None, not true or false"),
    "known labels a list": ({"known_labels": ["linux"]}, "known_labels is ['linux'], not true or false"),
    "base labels of numbers": ({"base_labels": [1]}, "base_labels is not a list of names"),
    "name a number": ({"name": 5}, "name or training has the wrong type"),
    "training a list": ({"training": []}, "name or training has the wrong type"),
    "input missing": ({"input": None}, "does not say what the model's input is"),
    "input of another kind": ({"input": {"kind": "image", "features": 3, "vocabulary": []}}, "what the model's input"),
    "input and vocabulary differ": (
        {"input": {"kind": "bag-of-words", "features": 2, "vocabulary": ["a"]}},
        "2 features, but a vocabulary of 1 words",
    ),
    "endless input": ({"input": {"kind": "vector", "features": 10**15, "vocabulary": []}}, "the extractor takes 2000"),
    "another precision": ({"precision": "fp8"}, "precision is 'fp8', not one of fp32, fp16, int8"),
    "no precision": ({"precision": None}, "precision is None"),
    "no files": ({"files": {}}, "is not a manifest of desire-edge"),
    "files a number": ({"files": 5}, "is not a manifest of desire-edge"),
    "a file too many": ({"files": dict.fromkeys((*FILES, "more.onnx"), RECORD)}, "is not a manifest of desire-edge"),
    "a file elsewhere": ({"files": {"../../secret": RECORD}}, "is not a manifest of desire-edge"),
    "a record of nothing": ({"files": {name: {} for name in FILES}}, "is not a manifest of desire-edge"),
    "a record of more": ({"files": {name: RECORD | {"url": ""} for name in FILES}}, "is not a manifest"),
    "a digest of letters": ({"files": {name: RECORD | {"sha256": "x"} for name in FILES}}, "no length and SHA-256"),
    "a digest of another type": ({"files": {name: RECORD | {"sha256": 5} for name in FILES}}, "is not a manifest"),
    "a negative length": ({"files": {name: RECORD | {"bytes": -1} for name in FILES}}, "no length and SHA-256"),
}  # fmt: skip


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_with_values_that_cannot_be_is_refused(
    name: str, bundle: Path, refused_bundle: Callable[[], str]
) -> None:
    values, expected = MANIFESTS[name]
    change_manifest(bundle, **values)
    assert expected in refused_bundle()


def test_a_manifest_that_lies_about_known_labels_is_refused(
    bundle: Path, refused: Refused, tmp_path: Path
) -> None:
    change_manifest(bundle, known_labels=True)
    sentence = refused("adapt", bundle, "--shots", 0, "--labels", "bread,jazz", "--out", "taught")
    assert (
        "base.onnx has not the inputs and outputs that the manifest says; copy the bundle again" in sentence
    )
    assert not (tmp_path / "taught").exists()


def test_a_base_cut_short_is_refused_even_if_signed(bundle: Path, refused: Refused, tmp_path: Path) -> None:
    (bundle / "base.onnx").write_bytes((bundle / "base.onnx").read_bytes()[:-1])
    sign(bundle)
    sentence = refused("adapt", bundle, "--labels", "bread", "--shots", 0, "--keep-base", "--out", "taught")
    assert f"{bundle / 'base.onnx'} is not a whole ONNX model" in sentence
    assert not (tmp_path / "taught").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is not valid JSON"),
        (b"\xff\xfe\xfd", "is not valid JSON"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b"[1]", "has schema version None"),
    ],
)
def test_a_manifest_that_is_no_manifest_is_refused(
    content: bytes, expected: str, bundle: Path, refused_bundle: Callable[[], str]
) -> None:
    (bundle / "manifest.json").write_bytes(content)
    assert expected in refused_bundle()


def test_a_huge_manifest_is_not_read(bundle: Path, refused_bundle: Callable[[], str]) -> None:
    with (bundle / "manifest.json").open("ab") as file:
        file.truncate(2**35)  # holes: it takes no room on the disk
    assert "manifest.json is larger than 16777216 bytes" in refused_bundle()


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("w1", None),
        ("w1", np.zeros((2, 2), np.float32)),
        ("gamma1", np.zeros(1, np.float32)),
        ("w_base", np.zeros((50, 54))),  # float64
        ("q0", np.full((301, 301), np.nan, np.float32)),
        ("base_bias", None),
        ("base_bias", np.zeros((55, 1), np.float32)),
        ("p", None),
        ("step_sizes", None),
        ("step_sizes", np.zeros((), np.float32)),
        ("step_sizes", np.zeros((3, 4), np.float32)),
    ],
)
def test_weights_of_another_shape_or_kind_are_refused(
    name: str, array: np.ndarray[Any, Any] | None, bundle: Path, refused_bundle: Callable[[], str]
) -> None:
    arrays = load_file(bundle / "semantics.safetensors")
    del arrays[name]
    save_file(arrays if array is None else arrays | {name: array}, bundle / "semantics.safetensors")
    sign(bundle)
    assert f"{name} is not a finite float32 array of shape" in refused_bundle()


@pytest.mark.parametrize("name", ["base.onnx", "semantics.safetensors", "lexicon.safetensors"])
@pytest.mark.parametrize("kept", [0, 7, 0.5])
def test_a_file_cut_short_is_refused_even_if_signed(
    name: str, kept: float, bundle: Path, refused_bundle: Callable[[], str]
) -> None:
    content = (bundle / name).read_bytes()
    (bundle / name).write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    sign(bundle)
    assert str(bundle / name) in refused_bundle()


def test_an_extractor_that_goes_beyond_half_precision_is_refused(
    bundle: Path, refused: Refused, tmp_path: Path
) -> None:
    extractor = onnx.load(bundle / "base.onnx")
    for tensor in extractor.graph.initializer:
        if tensor.name.endswith("bias"):
            tensor.CopyFrom(numpy_helper.from_array(1e6 * numpy_helper.to_array(tensor), tensor.name))
    onnx.save(extractor, bundle / "base.onnx")
    sign(bundle)
    (tmp_path / "support").mkdir()
    (tmp_path / "support" / "a.txt").write_text("fresh bread")
    (tmp_path / "support" / "metadata.jsonl").write_text('{"file_name": "a.txt", "labels": ["bread"]}')
    sentence = refused("adapt", bundle, "--support", "support", "--out", "taught")
    assert "the extractor's features do not fit half precision" in sentence
    assert not (tmp_path / "taught").exists()


def test_another_lexicon_is_refused(bundle: Path, refused_bundle: Callable[[], str]) -> None:
    change_manifest(bundle, dimension=51, names={"kind": "lexicon", "dimension": 51})
    assert "the lexicon has 50 dimensions, but the model 51" in refused_bundle()
