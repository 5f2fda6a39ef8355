"""What is no whole adapted model is refused by `predict` and `info` in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from trained import Trained

from desire_edge import Bundle, DesireEdgeError, Predictor, Support

Refused = Callable[..., str]


@pytest.fixture(scope="session")
def model(sample_trained: Trained) -> bytes:
    """A model adapted to two labels by their names."""
    return Bundle.open(sample_trained.bundle).adapt(labels=["bread", "jazz"]).model


@pytest.fixture
def refused_model(tmp_path: Path, refused: Refused) -> Callable[[bytes], str]:
    """Predict with these bytes as the model, which must be refused; return the sentence."""

    def run(content: bytes) -> str:
        (tmp_path / "model.onnx").write_bytes(content)
        (tmp_path / "page.txt").write_text("a guide to bread")
        sentence = refused("predict", "model.onnx", "page.txt")
        assert refused("info", "model.onnx") == sentence
        return sentence

    return run


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(kept=st.floats(0, 1, exclude_max=True))
def test_a_model_cut_anywhere_is_no_whole_model(kept: float, model: bytes) -> None:
    with pytest.raises(DesireEdgeError, match=r"page\.onnx is not a"):
        Predictor(model[: int(kept * len(model))], "cpu", name="page.onnx")


def test_a_truncated_model_is_refused(model: bytes, refused_model: Callable[[bytes], str]) -> None:
    assert "model.onnx is not a whole ONNX model that this ONNX Runtime" in refused_model(
        model[: len(model) // 2]
    )


def test_an_empty_model_is_refused(refused_model: Callable[[bytes], str]) -> None:
    assert "model.onnx is not a whole ONNX model" in refused_model(b"")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("head.onnx", "has not the input x"), ("base.onnx", "is not a model adapted by desire-edge")],
)
def test_another_graph_of_the_bundle_is_no_adapted_model(
    name: str, expected: str, sample_trained: Trained, refused_model: Callable[[bytes], str]
) -> None:
    assert expected in refused_model((sample_trained.bundle / name).read_bytes())


def foreign(kind: int, shape: list[int | str]) -> bytes:
    """Someone else's model: y = x."""
    values = [helper.make_tensor_value_info(name, kind, shape) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", values[:1], values[1:])
    opset = [helper.make_opsetid("", 18)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString())


@pytest.mark.parametrize(
    "content",
    [
        foreign(TensorProto.INT64, [1, 2]),
        foreign(TensorProto.FLOAT, [1, "features"]),
        foreign(TensorProto.FLOAT, [1, 2, 3]),
        foreign(TensorProto.FLOAT, []),
        foreign(TensorProto.FLOAT, [2**20, 2**20]),
    ],
)
def test_a_model_of_other_inputs_is_refused(content: bytes, refused_model: Callable[[bytes], str]) -> None:
    assert "is not a model of desire-edge" in refused_model(content)


def with_metadata(model: bytes, values: Mapping[str, str | None]) -> bytes:
    """The model with other metadata; None removes an entry."""
    parsed = onnx.load_model_from_string(model)
    entries = {entry.key: entry.value for entry in parsed.metadata_props}
    entries |= {f"desire_edge.{key}": value for key, value in values.items()}
    del parsed.metadata_props[:]
    helper.set_model_props(parsed, {key: value for key, value in entries.items() if value is not None})
    return bytes(parsed.SerializeToString())


SPEC: dict[str, Any] = {"kind": "vector", "features": 2000, "vocabulary": []}
METADATA: dict[str, tuple[dict[str, str | None], str]] = {
    "no labels": ({"labels": None}, "desire_edge.labels"),
    "labels no JSON": ({"labels": "bread"}, "is not a model adapted by desire-edge"),
    "labels one string": ({"labels": '"ab"'}, "a list of label names is not one"),
    "labels numbers": ({"labels": "[1, 2]"}, "a list of label names is not one"),
    "labels deep": ({"labels": "[" * 100_000}, "it is nested too deeply"),
    "a threshold too many": ({"thresholds": "[0.5, 0.5, 0.5]"}, "labels and thresholds do not agree"),
    "threshold NaN": ({"thresholds": "[NaN, 0.5]"}, "NaN is no JSON number"),
    "threshold endless": ({"thresholds": f"[1{'0' * 400}, 0.5]"}, "is not a model adapted by desire-edge"),
    "more labels than columns": (
        {"labels": json.dumps(list("abcdefg")), "thresholds": json.dumps([0.5] * 7)},
        "has not a column a label",
    ),
    "base labels without an output": ({"base_labels": '["a"]'}, "has not a column a base label"),
    "known labels without an input": ({"known_labels": '["a"]'}, "`known_labels` has not a column a base label"),
    "known labels a number": ({"known_labels": "1"}, "a list of label names is not one"),
    "input missing": ({"input": "null"}, "does not say what the model's input is"),
    "input of other size": ({"input": json.dumps(SPEC | {"features": 10**12})}, "takes 2000 features, but"),
}  # fmt: skip


@pytest.mark.parametrize("name", METADATA)
def test_metadata_that_cannot_be_is_refused(
    name: str, model: bytes, refused_model: Callable[[bytes], str]
) -> None:
    values, expected = METADATA[name]
    assert expected in refused_model(with_metadata(model, values))


def test_labels_of_a_hostile_model_do_not_reach_the_terminal(
    model: bytes, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    labels = ["\x1b]0;owned\x07", "[red]:smile:\u202e"]
    (tmp_path / "model.onnx").write_bytes(with_metadata(model, {"labels": json.dumps(labels)}))
    (tmp_path / "page.txt").write_text("a guide to bread")
    for arguments in (("predict", "model.onnx", "page.txt"), ("info", "model.onnx")):
        result = cli(*arguments)
        assert result.exit_code == 0
        assert "\x1b" not in result.output
        assert r"\x1b]0;owned\x07" in result.output
        assert r"[red]:smile:\u202e" in result.output


def test_a_model_that_is_not_there_is_named(refused: Refused) -> None:
    assert "cannot read gone.onnx: No such file or directory" in refused("predict", "gone.onnx", "page.txt")


def test_a_folder_without_a_model_is_named(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "taught").mkdir()
    sentence = refused("predict", "taught", "page.txt")
    assert "the folder taught holds no model.onnx; name the folder that `desire-edge adapt --out`" in sentence


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("gone.txt", None, "there is no file or folder gone.txt"),
        ("page.md", b"text", "page.md is of no kind that can be read"),
        ("page.npy", b"", "page.npy is not a readable .npy file"),
        ("page.json", b'{"0": NaN}', "page.json is not a readable .json file: NaN is no JSON number"),
        ("page.json", b'{"2000": 1}', "page.json: the model has no feature '2000'"),
    ],
)
def test_an_input_that_cannot_be_read_is_named(
    name: str, content: bytes | None, expected: str, model: bytes, tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "model.onnx").write_bytes(model)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert expected in refused("predict", "model.onnx", name)


def test_a_folder_without_inputs_is_named(model: bytes, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "model.onnx").write_bytes(model)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "metadata.jsonl").write_text("")
    said = refused("predict", "model.onnx", "pages")
    assert "the folder pages holds no .txt, .npy, .json, .png, .jpg, .jpeg files" in said


def test_a_model_given_text_must_know_words(tmp_path: Path, model: bytes, refused: Refused) -> None:
    spec = json.dumps(SPEC)
    (tmp_path / "model.onnx").write_bytes(with_metadata(model, {"input": spec}))
    (tmp_path / "page.txt").write_text("a guide to bread")
    assert "page.txt is text, but this model takes vectors of 2000 numbers" in refused(
        "predict", "model.onnx", "page.txt"
    )


def test_one_input_is_no_list_of_inputs(model: bytes) -> None:
    predictor = Predictor(model, "cpu")
    for raw in ("fresh bread", {"0": 1.0}):
        with pytest.raises(DesireEdgeError, match="put it into a list"):
            predictor.predict(raw)
        with pytest.raises(DesireEdgeError, match="put it into a list"):
            Support.of(raw, [["bread"]])


def test_vectors_need_no_names(model: bytes) -> None:
    predictor = Predictor(with_metadata(model, {"input": json.dumps(SPEC)}), "cpu")
    x = np.zeros(2000)
    x[[3, 7]] = 1
    assert np.array_equal(predictor.predict([x]), Predictor(model, "cpu").predict([x]))
