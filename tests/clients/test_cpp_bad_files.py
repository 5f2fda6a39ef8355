"""The C++ client refuses bad folders, bundles, models and arguments in one sentence, and writes nothing then."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from cli.test_cli_bad_bundle import MANIFESTS, sign
from cli.test_cli_bad_support import FOLDERS
from onnx import numpy_helper
from safetensors.numpy import load_file, save_file
from trained import Trained

from desire_edge import Bundle, DesireEdgeError, Support
from desire_edge.runtime.manifest import BASE, FILES, LEXICON, SEMANTICS

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors"
OTHER_WORDS = {
    "NaN feature",
    "NaN in metadata",
    "feature that is no number",
    "feature that is true",
    "features that are no JSON",
    "half a character",
    "known labels as one string",
    "labels as one string",
    "labels missing",
}
"""Support folders that this program refuses in other words than Python."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("name", FOLDERS)
def test_a_bad_support_folder_is_refused(
    name: str, sample_trained: Trained, refused_by_app: Callable[..., str], tmp_path: Path
) -> None:
    files, expected = FOLDERS[name]
    (tmp_path / "outside.txt").write_text("not yours")
    (tmp_path / "support").mkdir()
    for file, content in files.items():
        (tmp_path / "support" / file).write_bytes(content.encode() if isinstance(content, str) else content)
    sentence = refused_by_app("adapt", sample_trained.bundle, "--support", "support", "--out", "taught")
    assert sentence.startswith("error: support/") if name in OTHER_WORDS else expected in sentence


def test_links_out_of_the_folder_are_refused(
    sample_trained: Trained, refused_by_app: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "outside.txt").write_text("not yours")
    (tmp_path / "support").mkdir()
    (tmp_path / "support" / "metadata.jsonl").write_text('{"file_name": "link.txt", "labels": ["baking"]}')
    (tmp_path / "support" / "link.txt").symlink_to("../outside.txt")
    arguments = ("adapt", sample_trained.bundle, "--support", "support", "--out", "taught")
    assert "lies outside the folder" in refused_by_app(*arguments)
    (tmp_path / "support" / "link.txt").unlink()
    (tmp_path / "support" / "link.txt").symlink_to("link.txt")
    assert "'link.txt' is no file name" in refused_by_app(*arguments)


@pytest.fixture
def bundle(sample_trained: Trained, tmp_path: Path) -> Path:
    """A copy of a real bundle, to spoil."""
    return Path(shutil.copytree(sample_trained.bundle, tmp_path / "tagger.desire"))


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_with_values_that_cannot_be_is_refused(
    name: str, bundle: Path, refused_by_app: Callable[..., str]
) -> None:
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    (bundle / "manifest.json").write_text(json.dumps(manifest | MANIFESTS[name][0]))
    sentence = refused_by_app("adapt", "tagger.desire", "--labels", "baking", "--out", "taught")
    assert sentence.startswith("error: tagger.desire/")


@pytest.mark.parametrize("name", FILES)
def test_a_changed_or_missing_file_is_noticed(
    name: str, bundle: Path, refused_by_app: Callable[..., str]
) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    arguments = ("adapt", "tagger.desire", "--labels", "baking", "--out", "taught")
    assert f"{name} is not what was exported (its SHA-256 differs); copy the bundle again" in refused_by_app(
        *arguments
    )
    (bundle / name).unlink()
    assert f"the bundle tagger.desire lacks its file {name}; copy it again" in refused_by_app(*arguments)


@pytest.mark.parametrize("name", [BASE, SEMANTICS, LEXICON])
@pytest.mark.parametrize("kept", [0, 7, 0.5])
def test_a_file_cut_short_is_refused_even_if_signed(
    name: str, kept: float, bundle: Path, refused_by_app: Callable[..., str]
) -> None:
    content = (bundle / name).read_bytes()
    (bundle / name).write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    sign(bundle)
    assert f"tagger.desire/{name} " in refused_by_app(
        "adapt", "tagger.desire", "--labels", "baking", "--out", "taught"
    )


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("w1", None),
        ("w1", np.zeros((2, 2), np.float32)),
        ("gamma1", np.zeros(1, np.float32)),
        ("w_base", np.zeros((50, 54))),
        ("q0", np.full((301, 301), np.nan, np.float32)),
        ("step_sizes", np.zeros((3, 4), np.float32)),
        ("threshold_weights", np.zeros(4, np.float32)),
    ],
)
def test_weights_of_another_shape_or_kind_are_refused(
    name: str, array: Any, bundle: Path, refused_by_app: Callable[..., str]
) -> None:
    arrays = load_file(bundle / "semantics.safetensors")
    del arrays[name]
    save_file(arrays if array is None else arrays | {name: array}, bundle / "semantics.safetensors")
    sign(bundle)
    sentence = refused_by_app("adapt", "tagger.desire", "--labels", "baking", "--out", "taught")
    assert f"semantics.safetensors: {name} is not a finite float32 array of shape" in sentence


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("name_map", None),  # which only names of the features' dimension may leave away
        ("name_map", np.zeros((6, 5), np.float32)),
        ("name_mean", np.zeros(5, np.float32)),
        ("r", np.zeros((4, 5), np.float32)),
        ("inference", np.zeros((4, 5), np.float32)),
        ("scalars", np.zeros(20, np.float32)),
        ("scalars", np.full(21, np.inf, np.float32)),
        ("threshold_weights", np.zeros(5)),
        ("base_bias", None),
    ],
)
def test_weights_of_the_head_prior_are_refused_as_python_does(
    name: str, array: Any, refused_by_app: Callable[..., str], tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(VECTORS / "prior", tmp_path / "tagger.desire"))
    arrays = load_file(bundle / SEMANTICS)
    del arrays[name]
    save_file(arrays if array is None else arrays | {name: array}, bundle / SEMANTICS)
    sign(bundle)
    sentence = refused_by_app("adapt", "tagger.desire", "--labels", "baking", "--out", "taught")
    assert f"{SEMANTICS}: {name} is not a finite float32 array of shape" in sentence
    with pytest.raises(DesireEdgeError, match=f"{name} is not a finite float32 array of shape"):
        Bundle.open(bundle, "cpu").adapt(labels=["baking"])


def test_a_lexicon_of_negative_width_is_refused(bundle: Path, refused_by_app: Callable[..., str]) -> None:
    path = bundle / "lexicon.safetensors"
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    lexicon = json.loads(header["__metadata__"]["lexicon"])
    words = header["rows.0"]["shape"][0]
    # A second source of no bytes, whose width taken away from the first's leaves what the manifest says.
    lexicon["sources"].append({**lexicon["sources"][0], "dim": -7})
    header["__metadata__"]["lexicon"] = json.dumps(lexicon)
    end = len(content) - 8 - length
    header["vectors.1"] = {"dtype": "I8", "shape": [0, 2**64 - 7], "data_offsets": [end, end]}
    header["scales.1"] = {"dtype": "F32", "shape": [0], "data_offsets": [end, end]}
    header["rows.1"] = {"dtype": "U16", "shape": [words], "data_offsets": [end, end + 2 * words]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :] + bytes(2 * words))
    sign(bundle)
    sentence = refused_by_app("adapt", "tagger.desire", "--labels", "baking", "--out", "taught")
    assert "lexicon.safetensors" in sentence


def test_an_extractor_that_gives_another_shape_than_it_declares_is_refused(
    bundle: Path, refused_by_app: Callable[..., str], tmp_path: Path
) -> None:
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [manifest["batch"], columns])
        for name, columns in (("x", manifest["input"]["features"]), ("z", manifest["dimension"]))
    ]
    nodes = [
        onnx.helper.make_node("NonZero", ["x"], ["found"]),  # [2, as many as there are]
        onnx.helper.make_node("Slice", ["found", "start", "end", "axis"], ["row"]),
        onnx.helper.make_node("Cast", ["row"], ["z"], to=onnx.TensorProto.FLOAT),
    ]
    constants = [
        numpy_helper.from_array(np.array([value]), name)
        for name, value in (("start", 0), ("end", 1), ("axis", 0))
    ]
    graph = onnx.helper.make_graph(nodes, "liar", values[:1], values[1:], constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8)
    (bundle / BASE).write_bytes(model.SerializeToString())
    sign(bundle)
    support = tmp_path / "support"
    support.mkdir()
    (support / "a.txt").write_text("a guide to bread")
    (support / "metadata.jsonl").write_text(json.dumps({"file_name": "a.txt", "labels": ["baking"]}))
    sentence = refused_by_app("adapt", "tagger.desire", "--support", "support", "--out", "taught")
    assert f"gives no z of {manifest['dimension']} numbers a row" in sentence
    with pytest.raises(DesireEdgeError, match=f"gives no z of {manifest['dimension']} numbers a row"):
        Bundle.open(bundle, "cpu").adapt(Support.read(support))


@pytest.mark.parametrize("kept", [0, 0.5])
def test_a_model_cut_short_is_refused(
    kept: float, sample_trained: Trained, refused_by_app: Callable[..., str], tmp_path: Path
) -> None:
    model = Bundle.open(sample_trained.bundle, "cpu").adapt(labels=["baking"]).model
    (tmp_path / "model.onnx").write_bytes(model[: int(kept * len(model))])
    (tmp_path / "page.txt").write_text("a guide to bread")
    assert "model.onnx is not a whole ONNX model" in refused_by_app("predict", "model.onnx", "page.txt")


@pytest.mark.parametrize(
    ("arguments", "expected", "code"),
    [
        (("teach",), "there is no command 'teach'", "invalid"),
        (("adapt",), "name a BUNDLE and --out OUT", "invalid"),
        (("adapt", "tagger.desire", "--out"), "the option --out needs a value", "invalid"),
        (
            ("adapt", "tagger.desire", "--out", "taught"),
            "name a folder of examples with --support",
            "invalid",
        ),
        (
            ("adapt", "tagger.desire", "--out", "taught", "--label", "a"),
            "there is no option --label",
            "invalid",
        ),
        (("adapt", "nothing", "--out", "taught", "--labels", "a"), "nothing is not a bundle", "bundle-none"),
        (
            ("adapt", "tagger.desire", "--out", "taught", "--labels", "a,,b"),
            "--labels: a label name is empty",
            "name-empty",
        ),
        (
            ("adapt", "tagger.desire", "--out", "taught", "--labels", "a\udcff"),
            "--labels: label names are at most 200 characters without control characters",
            "name-control",
        ),
        (
            ("adapt", "tagger.desire", "--out", "taught", "--labels", "a", "--missing", "no"),
            "missing is 'no', and must be",
            "missing-value",
        ),
        (("predict", "model.onnx"), "name a MODEL and one FILE or more", "invalid"),
        (
            ("predict", "nothing.onnx", "page.txt"),
            "cannot read nothing.onnx: there is no such file",
            "invalid",
        ),
    ],
)
def test_wrong_arguments_are_refused(
    arguments: tuple[str, ...], expected: str, code: str, refused_by_app: Callable[..., str], app: Run
) -> None:
    sentence = refused_by_app(*arguments)
    assert expected in sentence
    done = app(arguments[0], "--json", *arguments[1:])
    assert done.returncode == 2 and done.stderr == sentence + "\n"
    assert json.loads(done.stdout) == {"error": {"code": code, "message": sentence.removeprefix("error: ")}}
