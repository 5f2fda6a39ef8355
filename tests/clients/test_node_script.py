"""The Node script: it learns and predicts as Python does, and refuses what is broken."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from cli.test_cli_bad_bundle import sign
from drivers.web import install_packages, program, same_task_in_python
from trained import Trained
from vectors.tiny import BUNDLES, FOLDER

from desire_edge import Bundle, Predictor, Support
from desire_edge.inputs.files import MAX_FILE_BYTES, read_input
from desire_edge.runtime.archive import pack
from desire_edge.runtime.manifest import ADAPT
from desire_edge.serving import page_folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    install_packages()


def node(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [program("node"), str(page_folder() / "node.mjs"), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_the_script_learns_and_predicts_as_python_does(taught: Trained, tmp_path: Path) -> None:
    queries = sorted(path for path in taught.query.iterdir() if path.suffix != ".jsonl")
    result = node(taught.bundle, taught.support, "taught", *queries, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)

    own = Bundle.open(taught.bundle, "cpu").adapt(Support.read(taught.support))
    stored = (tmp_path / "taught" / "task.safetensors").read_bytes()
    task = same_task_in_python(taught.bundle, stored, own, tmp_path / "again")
    inputs = [read_input(path) for path in queries]
    expected = task.predict(inputs)
    assert answer["labels"] == list(task.labels)
    found = [[row["probabilities"][label] for label in task.labels] for row in answer["predictions"]]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    for label in task.report.labels:
        assert answer["thresholds"][label.name] == pytest.approx(label.threshold, abs=1e-5)
    assert answer["lossAfter"] == pytest.approx(task.report.loss_after, abs=1e-5)
    assert [row["labels"] for row in answer["predictions"]] == [
        task.predictor.decide(row) for row in expected
    ]
    assert all(row["none"] == (row["labels"] == []) for row in answer["predictions"])

    written = Predictor(tmp_path / "taught" / "model.onnx", "cpu")
    np.testing.assert_allclose(written.predict(inputs), expected, rtol=0, atol=1e-5)
    assert {path.name for path in tmp_path.iterdir()} == {"taught", "again"}  # and nothing half-written
    assert (tmp_path / "taught").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", [*BUNDLES, "earlier/plain", "earlier/known"])
def test_its_model_gives_what_pythons_gives(name: str, tmp_path: Path) -> None:
    """The base with the task's part for good, of its labels and any number of rows; of an earlier bundle as it was."""
    support, texts = tmp_path / "support", ["Warm bread, and jazz.", "a train to Rome", "linux"]
    support.mkdir()
    lines = [
        json.dumps({"text": text, "labels": labels})
        for text, labels in (("Bread from a hot oven", ["baking"]), ("jazz: a trumpet!", ["jazz"]))
    ]
    (support / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    result = node(FOLDER / name, support, "taught", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    expected = Bundle.open(FOLDER / name, "cpu").adapt(Support.read(support))
    found = Predictor(tmp_path / "taught", "cpu")
    assert (found.labels, found.known_labels) == (expected.labels, expected.predictor.known_labels)
    np.testing.assert_allclose(found.predict(texts), expected.predict(texts), rtol=0, atol=1e-5)
    models = [onnx.load_model_from_string(expected.model), onnx.load(tmp_path / "taught" / "model.onnx")]
    shapes = [{tensor.name: list(tensor.dims) for tensor in model.graph.initializer} for model in models]
    assert shapes[0] == shapes[1]
    for model in models:
        onnx.checker.check_model(model)
        del model.graph.initializer[:], model.metadata_props[:]
    assert models[0] == models[1]


@pytest.mark.parametrize("helpful", [True, False])
def test_it_says_whether_examples_help_as_python_does(tmp_path: Path, helpful: bool) -> None:
    texts = ["warm bread"] * 4 + ["a jazz concert"] * 2
    carried = [0, 1, 2, 3] if helpful else [0, 2, 4, 5]
    lines = [
        json.dumps({"text": text, "labels": ["baking"] if row in carried else []})
        for row, text in enumerate(texts)
    ]
    (tmp_path / "support").mkdir()
    (tmp_path / "support" / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    result = node(FOLDER / "prior", tmp_path / "support", "taught", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    report = Bundle.open(FOLDER / "prior", "cpu").adapt(Support.read(tmp_path / "support")).report
    assert report.loss_held_out is not None
    assert answer["lossHeldOut"] == pytest.approx(report.loss_held_out, abs=1e-5)
    theirs, ours = (
        [warning for warning in warnings if "do not help" in warning]
        for warnings in (answer["warnings"], report.warnings)
    )
    assert theirs == ours and len(ours) == (not helpful)


def test_the_snippet_of_its_readme_runs(sample_trained: Trained, tmp_path: Path) -> None:
    snippet = (
        (page_folder() / "README.md").read_text(encoding="utf-8").partition("```js\n")[2].partition("```")[0]
    )
    print_model = "process.stdout.write(`${JSON.stringify([task.labels, model.length])}`);"
    (tmp_path / "snippet.mjs").write_text(f"{snippet}{print_model}", encoding="utf-8")
    for name in ("desire-edge", "node_modules"):
        (tmp_path / name).symlink_to(page_folder() / name)
    (tmp_path / "tagger.desire").symlink_to(sample_trained.bundle)
    command = [program("node"), "snippet.mjs"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    labels, length = json.loads(result.stdout.rpartition("\n")[2])
    assert labels == ["baking", "cycling", "repair"]
    assert length > (sample_trained.bundle / "base.onnx").stat().st_size


def test_the_script_opens_a_zip(sample_trained: Trained, tmp_path: Path) -> None:
    pack(sample_trained.bundle, tmp_path / "tagger.zip")
    result = node("tagger.zip", sample_trained.support, "taught", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert Predictor(tmp_path / "taught" / "model.onnx", "cpu").labels == tuple(
        json.loads(result.stdout)["labels"]
    )


def rewrite(manifest: Path, **values: object) -> None:
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | values))


def one_example(support: Path, **entry: object) -> None:
    (support / "a.txt").write_text("text")
    (support.parent / "secret.txt").write_text("jazz")
    (support / "link.txt").symlink_to(support.parent / "secret.txt")
    (support / "metadata.jsonl").write_text(json.dumps(entry))


def flip_last_bit(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


Break = Callable[[Path, Path], object]
BROKEN: dict[str, tuple[Break, str]] = {
    "a file missing": (lambda bundle, _: (bundle / "head.onnx").unlink(), "head.onnx"),
    "a file changed": (
        lambda bundle, _: flip_last_bit(bundle / "lexicon.safetensors"),
        "is not what was exported",
    ),
    "another schema": (
        lambda bundle, _: rewrite(bundle / "manifest.json", schema_version=2),
        "schema version 2",
    ),
    "huge sizes": (
        lambda bundle, _: rewrite(bundle / "manifest.json", dimension=2**40),
        "dimension is 1099511627776",
    ),
    "a huge support": (
        lambda bundle, _: rewrite(bundle / "manifest.json", max_support=4097),
        "max_support is 4097",
    ),
    "another precision": (
        lambda bundle, _: rewrite(bundle / "manifest.json", precision="fp8"),
        "precision is fp8",
    ),
    "no manifest": (lambda bundle, _: (bundle / "manifest.json").unlink(), "it holds no manifest.json"),
    "a file outside": (
        lambda _, support: one_example(support, file_name="../secret.txt", labels=["jazz"]),
        "lies outside the folder",
    ),
    "a link outside": (
        lambda _, support: one_example(support, file_name="link.txt", labels=["jazz"]),
        "lies outside the folder",
    ),
    "too many labels": (
        lambda _, support: one_example(support, file_name="a.txt", labels=[f"label {n}" for n in range(9)]),
        "at most 6",
    ),
    "labels that are none": (
        lambda _, support: one_example(support, file_name="a.txt", labels="jazz"),
        "line 1",
    ),
    "no JSON": (lambda _, support: (support / "metadata.jsonl").write_text("{"), "metadata.jsonl, line 1"),
    "no UTF-8": (
        lambda _, support: (support / "metadata.jsonl").write_bytes(b"\xff"),
        "metadata.jsonl is not UTF-8 text",
    ),
    "too much metadata": (
        lambda _, support: (support / "metadata.jsonl").write_bytes(b" " * (MAX_FILE_BYTES + 1)),
        "metadata.jsonl is larger than 16 MiB",
    ),
    "no table": (
        lambda _, support: (support / "metadata.jsonl").rename(support / "metadata.csv"),
        "needs a first line with the columns file_name (or text) and labels",
    ),
    "no folder of examples": (
        lambda _, support: shutil.rmtree(support),
        "does not exist or is not a folder",
    ),
    "a name too long for the system": (
        lambda _, support: one_example(support, file_name="é" * 200, labels=["jazz"]),
        "metadata.jsonl, line 1: 'é",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_script_refuses_what_is_broken(what: str, sample_trained: Trained, tmp_path: Path) -> None:
    bundle, support = tmp_path / "broken.desire", tmp_path / "support"
    shutil.copytree(sample_trained.bundle, bundle)
    shutil.copytree(sample_trained.support, support)
    make, named = BROKEN[what]
    make(bundle, support)
    before = sorted(tmp_path.iterdir())
    result = node(bundle, support, "taught", cwd=tmp_path)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert named in line
    assert result.stdout == ""
    assert sorted(tmp_path.iterdir()) == before


def without_an_output(bundle: Path) -> None:
    graph = onnx.load(bundle / ADAPT)
    del graph.graph.output[[value.name for value in graph.graph.output].index("b")]
    (bundle / ADAPT).write_bytes(graph.SerializeToString())
    sign(bundle)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (without_an_output, "adapt.onnx gives no b of shape [4]"),
        (
            lambda bundle: rewrite(bundle / "manifest.json", names={"kind": "lexicon", "dimension": 5}),
            "the lexicon has 6 dimensions, but the model 5",
        ),
        (lambda bundle: rewrite(bundle / "manifest.json", dimension=4), "base.onnx gives no z of 4"),
        (
            lambda bundle: rewrite(bundle / "manifest.json", head={"kind": "paper"}),
            "hidden is null",
        ),
    ],
    ids=["no output b", "names of 5", "features of 4", "the head of the paper"],
)
def test_a_spoilt_bundle_of_the_head_prior_is_refused(
    make: Callable[[Path], object], named: str, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(FOLDER / "prior", tmp_path / "prior.desire"))
    make(bundle)
    (tmp_path / "support").mkdir()
    metadata = {"text": "bread and a hot oven", "labels": ["baking"]}
    (tmp_path / "support" / "metadata.jsonl").write_text(json.dumps(metadata))
    result = node(bundle, tmp_path / "support", "taught", cwd=tmp_path)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert named in line
    assert not (tmp_path / "taught").exists()
