"""The golden vectors are what `make.py` makes, and Python's two ways to adapt give what they expect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from core.reference import relative_error
from numpy.typing import NDArray
from onnx import numpy_helper
from safetensors.numpy import load
from vectors.cases import CASES
from vectors.make import files
from vectors.static_lexicon import STATIC, make_static
from vectors.tiny import BUNDLES, FOLDER, VOCABULARY, make_bundle

from desire_edge import Bundle, Support
from desire_edge.export.parity import head_logits
from desire_edge.inputs.spec import Features
from desire_edge.lexicon import Lexicon, tokenize
from desire_edge.runtime.manifest import ADAPT, FILES, LEXICON, MANIFEST, SEMANTICS
from desire_edge.runtime.portable import PortableAdaptation

TOLERANCE = 1e-5


def stored(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def test_the_files_are_what_make_makes() -> None:
    for name, content in files().items():
        assert_same(json.loads(json.dumps(content)), stored(name), name)


def assert_same(found: Any, expected: Any, where: str) -> None:
    """Equal, but for the last digits of numbers: sums differ a little between processors."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), where
        for key in expected:
            assert_same(found[key], expected[key], f"{where}: {key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_same(one, other, f"{where}: {index}")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-7, abs=1e-12), where
    else:
        assert found == expected, where


@pytest.mark.parametrize("name", BUNDLES)
def test_the_bundles_are_what_make_makes(name: str, tmp_path: Path) -> None:
    made = tmp_path / name
    make_bundle(made)
    assert sorted(path.name for path in (FOLDER / name).iterdir()) == sorted((MANIFEST, *FILES))
    for file in FILES:
        if file.endswith(".onnx"):
            assert_same_model(*((folder / file).read_bytes() for folder in (made, FOLDER / name)))
    arrays, expected = (
        load((folder / name).read_bytes()) for folder, name in ((made, SEMANTICS), (FOLDER / name, SEMANTICS))
    )
    assert set(arrays) == set(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(arrays[key], value, rtol=1e-6, atol=1e-7)
    assert (made / LEXICON).read_bytes() == (FOLDER / name / LEXICON).read_bytes()
    ours, theirs = (json.loads((folder / MANIFEST).read_bytes()) for folder in (made, FOLDER / name))
    for manifest in (ours, theirs):
        del manifest["files"]  # digests of what may differ in its last digits
    assert_same(ours, theirs, MANIFEST)


def assert_same_model(found: bytes, expected: bytes) -> None:
    models = [onnx.load_model_from_string(content) for content in (found, expected)]
    values = [{t.name: numpy_helper.to_array(t) for t in model.graph.initializer} for model in models]
    assert list(values[0]) == list(values[1])
    for name, value in values[1].items():
        np.testing.assert_allclose(values[0][name], value, rtol=1e-6, atol=1e-7)
    for model in models:
        del model.graph.initializer[:]
    assert models[0] == models[1]


def error(found: Any, expected: Any) -> float:
    return relative_error(
        np.asarray(found, np.float64), np.asarray(expected, np.float64).reshape(np.shape(found))
    )


@pytest.fixture(params=[case.name for case in CASES])
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each case in turn."""
    found: dict[str, Any] = next(case for case in stored("cases.json") if case["name"] == request.param)
    return found


def rows_of(case: dict[str, Any], name: str, width: int) -> NDArray[np.float32]:
    return np.array(case["arrays"][name], np.float32).reshape(len(case["support"]), width)


def used(weights: Mapping[str, NDArray[np.float32]], name: str, labels: int) -> NDArray[np.float32]:
    """The named weights without those of unused ways."""
    return weights[name][..., :labels] if name in ("v", "l", "m", "b") else weights[name]


@pytest.mark.filterwarnings("ignore:input 2. 0 of its 3 words are known")
def test_the_core_gives_what_a_case_expects(case: dict[str, Any]) -> None:
    bundle = Bundle.open(FOLDER / case["bundle"], "cpu")
    told = [item.get("known_labels", ()) for item in case["support"]]
    support = Support.of(
        [item["text"] for item in case["support"]],
        [item["labels"] for item in case["support"]],
        [item.get("negative_labels", ()) for item in case["support"]],
        told,
    )
    task = bundle.adapt(support, labels=case["labels"], missing=case["missing"])
    expected = case["expected"]
    assert task.taught.z.tolist() == case["arrays"]["z"]
    assert task.taught.vectors.tolist() == case["arrays"]["w_novel"]
    assert task.taught.targets.tolist() == case["arrays"]["targets"]
    assert task.taught.mask.tolist() == case["arrays"]["mask"]
    assert len(task.head.losses) - 1 == expected["steps"]
    assert error(task.head.losses, expected["losses"][: expected["steps"] + 1]) <= TOLERANCE
    assert error(task.predictor.thresholds, expected["thresholds"]) <= TOLERANCE
    sets = {one["coverage"]: one["thresholds"] for one in expected["sets"]}
    assert list(task.sets) == list(task.predictor.sets) == list(sets)
    for level, limits in sets.items():
        assert task.predictor.sets[level] == task.sets[level] == pytest.approx(limits, abs=1e-12)
    if case["support"]:
        assert error(task.head.logits, expected["logits"]) <= TOLERANCE
    texts = [item["text"] for item in case["queries"]]
    known = [item.get("known_labels", ()) for item in case["queries"]]
    assert error(task.predict(texts, known), expected["query_probabilities"]) <= TOLERANCE
    for name, value in expected["head"].items():
        found = used(task.head.weights, name, len(case["labels"]))
        assert error(found, value) <= TOLERANCE, name


def test_adapt_onnx_gives_what_a_case_expects(case: dict[str, Any]) -> None:
    bundle = Bundle.open(FOLDER / case["bundle"], "cpu")
    base, labels = len(bundle.manifest.base_labels), len(case["labels"])
    known = rows_of(case, "known_labels", base) if bundle.manifest.known_labels else None
    head = PortableAdaptation(bundle.path / ADAPT, bundle.manifest).adapt(
        rows_of(case, "z", bundle.manifest.dimension),
        rows_of(case, "targets", labels),
        rows_of(case, "mask", labels),
        np.array(case["arrays"]["w_novel"]),
        known,
    )
    expected = case["expected"]
    assert error(head.losses, expected["losses"][: expected["steps"] + 1]) <= TOLERANCE
    assert error(head.thresholds, expected["thresholds"]) <= TOLERANCE
    for name, value in expected["head"].items():
        found = used(head.weights, name, labels)
        assert error(found, value) <= TOLERANCE, name
    queries = {name: np.array(rows, np.float32) for name, rows in case["query_arrays"].items()}
    logits = head_logits(bundle, head.weights, queries["z"], queries.get("known_labels"))
    assert error(logits, expected["query_logits"]) <= TOLERANCE


def dense(item: Features, width: int) -> list[float]:
    """x of features, sparse ones too."""
    x = np.zeros(width, np.float32)
    x[slice(None) if item.values is None else item.x] = item.x if item.values is None else item.values
    return [float(value) for value in x]


def test_queries_have_the_features_a_case_says(case: dict[str, Any]) -> None:
    bundle = Bundle.open(FOLDER / case["bundle"], "cpu")
    features = [bundle.manifest.input.features_of(item["text"], "query") for item in case["queries"]]
    assert [dense(item, len(VOCABULARY)) for item in features] == case["query_arrays"]["x"]
    assert error(bundle.extract(features), case["query_arrays"]["z"]) <= TOLERANCE


def test_texts_and_names_and_halves_are_as_the_files_say() -> None:
    texts = stored("texts.json")
    for item in texts["cases"]:
        assert tokenize(item["text"]) == item["tokens"]
        assert [index for index, word in enumerate(texts["vocabulary"]) if word in item["tokens"]] == item[
            "x"
        ]
    assert_names(Lexicon.open(FOLDER / "plain" / LEXICON), stored("labels.json"))
    for item in stored("halves.json"):
        value = np.uint32(int(item["bits"], 16)).view(np.float32)
        assert value == np.float32(item["value"])
        assert value.astype(np.float16).view(np.uint16) == int(item["half_bits"], 16)


def test_the_static_lexicon_gives_what_the_file_says(tmp_path: Path) -> None:
    make_static(tmp_path / "static.safetensors")
    assert (tmp_path / "static.safetensors").read_bytes() == STATIC.read_bytes()
    lexicon, expected = Lexicon.open(STATIC), stored("static.json")
    assert (lexicon.dim, len(lexicon)) == (expected["dim"], expected["words"])
    for item in expected["texts"]:
        found = lexicon.text_vector(item["text"], expected["hashed"])
        assert (found.known_words, found.words) == (item["known_words"], item["words"])
        assert error(found.vector, item["z"]) <= 1e-6
    assert_names(lexicon, expected)


def assert_names(lexicon: Lexicon, expected: Any) -> None:
    """The names' and groups' vectors are what the file expects."""
    for item in expected["names"]:
        entry = lexicon.look_up(item["name"])
        assert (entry.how, list(entry.known), list(entry.unknown)) == (
            item["how"],
            item["known"],
            item["unknown"],
        )
        assert error(entry.vector, item["vector"]) <= 1e-6
    for group in expected["groups"]:
        assert error(lexicon.label_matrix(group["names"]).vectors.T, group["vectors"]) <= 1e-6
