"""The C++ client makes the command line's files byte for byte, and what the golden vectors say."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from safetensors.numpy import load_file
from trained import WAYS, Trained
from vectors.measure import error

from desire_edge import Bundle, Predictor, Support
from desire_edge.inputs import read_input
from desire_edge.runtime.part import ADAPTER, SAID

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

Run = Callable[..., subprocess.CompletedProcess[str]]


def contents(folder: Path) -> dict[str, bytes]:
    """What both clients write: a user's part is Python's alone."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in (ADAPTER, SAID)}


def assert_same(ours: Path, python: Path) -> None:
    """Byte for byte; but where Python's model ends with the sets of labels that its bundle states, without these."""
    found, expected = contents(ours), contents(python)
    sets = onnx.ModelProto.FromString(expected["model.onnx"].removeprefix(found["model.onnx"]))
    assert {entry.key for entry in sets.metadata_props} <= {"desire_edge.sets"}
    del sets.metadata_props[:]
    assert sets == onnx.ModelProto()
    assert {**expected, "model.onnx": b""} == {**found, "model.onnx": b""}


# What it writes and says


@pytest.mark.parametrize("model", ["sample", "known", "prior"])
@pytest.mark.parametrize("missing", ["negative", "unknown"])
def test_it_writes_what_the_command_line_writes(
    model: str, missing: Any, app: Run, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    trained: Trained = request.getfixturevalue(f"{model}_trained")
    labels = ",".join(trained.labels)
    arguments = ("--support", trained.support, "--labels", labels, "--missing", missing, "--out", "taught")
    done = app("adapt", trained.bundle, *arguments, "--json")
    assert done.returncode == 0 and done.stderr == "", done
    task = Bundle.open(trained.bundle, "cpu").adapt(
        Support.read(trained.support), labels=trained.labels, missing=missing
    )
    task.save(tmp_path / "python")
    assert_same(tmp_path / "taught", tmp_path / "python")

    said, expected = (
        json.loads(done.stdout),
        {"out": "taught", **json.loads(json.dumps(task.report.to_json()))},
    )
    assert list(said) == list(expected)
    for report in (said, expected):
        del report["extract_seconds"], report["adapt_seconds"]
    assert said == expected


def mixed_up(folder: Path, trained: Trained, per_label: int) -> None:
    """A support folder whose examples carry the labels of others."""
    folder.mkdir()
    dataset = trained.run.data.dataset
    assert dataset.texts is not None
    labels = [list(dataset.labels).index(label) for label in trained.labels]
    rows = [row for label in labels for row in np.flatnonzero(dataset.targets[:, label])[:per_label]]
    carried = np.random.default_rng(0).permutation(np.repeat(trained.labels, per_label))
    entries = [
        {"text": dataset.texts[row], "labels": [label]} for row, label in zip(rows, carried, strict=True)
    ]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")


def test_it_says_as_the_command_line_does_that_examples_do_not_help(
    prior_trained: Trained, app: Run, tmp_path: Path
) -> None:
    mixed_up(tmp_path / "support", prior_trained, per_label=8)
    done = app("adapt", prior_trained.bundle, "--support", "support", "--out", "taught", "--json")
    assert done.returncode == 0, done
    said = json.loads(done.stdout)
    task = Bundle.open(prior_trained.bundle, "cpu").adapt(Support.read(tmp_path / "support"))
    task.save(tmp_path / "python")
    assert_same(tmp_path / "taught", tmp_path / "python")
    assert said["loss_held_out"] == pytest.approx(task.report.loss_held_out, rel=1e-12)
    assert said["warnings"] == list(task.report.warnings)
    assert any("the examples do not help" in warning for warning in said["warnings"])


def test_by_names_alone_it_writes_what_the_command_line_writes(
    sample_trained: Trained, app: Run, tmp_path: Path
) -> None:
    labels = ["baking", "open source", "zzqxv", "Baking", "webdesign", "日本"]
    assert len(labels) == WAYS
    done = app("adapt", sample_trained.bundle, "--labels", ",".join(labels), "--out", "taught")
    assert done.returncode == 0
    assert "no word of the label 'zzqxv' is known" in done.stderr
    assert "the labels 'baking' and 'Baking' have the same word vector" in done.stderr
    Bundle.open(sample_trained.bundle, "cpu").adapt(labels=labels).save(tmp_path / "python")
    assert_same(tmp_path / "taught", tmp_path / "python")


def inputs_of_every_kind(folder: Path, features: int) -> list[str]:
    """Files of each kind that the command line reads, written to `folder`; their names."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    vector = generator.standard_normal(features)
    types = ("<f4", ">f4", "<f8", ">f8", "<f2", "<i8", ">i4", "<u2", "|i1", "|b1")
    arrays = {f"{number}.npy": vector.astype(dtype) for number, dtype in enumerate(types)}
    arrays["row.npy"] = vector.astype(np.float32)[None]
    arrays["fortran.npy"] = np.asfortranarray(vector[None])
    for name, array in arrays.items():
        np.save(folder / name, array)
    with (folder / "version2.npy").open("wb") as file:
        np.lib.format.write_array(file, vector, version=(2, 0))
    (folder / "sparse.json").write_text('{"0": 1, "1999": 2.5, "music": -3e-1}')
    (folder / "text.txt").write_text("Ein ﬁne Überblick’s C++ – ΟΔΟΣ, don't; 3ª", encoding="utf-8")
    (folder / "empty.txt").write_text("")
    return [*arrays, "version2.npy", "sparse.json", "text.txt", "empty.txt"]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_inputs_of_every_kind_are_read_as_the_command_line_reads_them(
    kind: str, sample_trained: Trained, app: Run, tmp_path: Path
) -> None:
    names = inputs_of_every_kind(tmp_path / "support", 2000)
    rows = [
        (name, ["baking", "jazz"][: number % 3], ["jazz"] if number % 3 == 1 else [])
        for number, name in enumerate(names)
    ]
    if kind == "jsonl":
        lines = [json.dumps({"file_name": n, "labels": a, "negative_labels": b}) for n, a, b in rows]
        (tmp_path / "support" / "metadata.jsonl").write_text("\ufeff" + "\n\n".join(lines), encoding="utf-8")
    else:
        lines = [f'"{n}",{";".join(a)},"{";".join(b)}","a ""note"",\nof two lines"' for n, a, b in rows]
        content = "\r\n".join(["file_name,labels,negative_labels,note", "", *lines])
        (tmp_path / "support" / "metadata.csv").write_bytes(content.encode())
    done = app("adapt", sample_trained.bundle, "--support", "support", "--out", "taught")
    assert done.returncode == 0, done
    assert "empty.txt" not in done.stderr
    task = Bundle.open(sample_trained.bundle, "cpu").adapt(Support.read(tmp_path / "support"))
    task.save(tmp_path / "python")
    assert_same(tmp_path / "taught", tmp_path / "python")

    files = [tmp_path / "support" / name for name in names]
    done = app("predict", "taught/model.onnx", *files, "--json")
    said = [list(row["probabilities"].values()) for row in json.loads(done.stdout)["predictions"]]
    np.testing.assert_allclose(said, task.predict([read_input(file) for file in files]), rtol=0, atol=1e-7)


@pytest.mark.parametrize("known", [None, "linux,music"])
def test_it_predicts_what_the_command_line_predicts(
    known: str | None, known_trained: Trained, cli: Callable[..., Any], app: Run, tmp_path: Path
) -> None:
    labels = known_trained.run.data.dataset.labels
    base = [labels[label] for label in known_trained.run.data.split.base]
    told = () if known is None else ("--known-labels", ",".join(base[:2]))
    Bundle.open(known_trained.bundle, "cpu").adapt(labels=["bread", "jazz"]).save(tmp_path / "taught")
    texts = sorted(known_trained.query.glob("*.txt"))
    arguments = ("taught/model.onnx", *texts, *told, "--json")
    said = json.loads(app("predict", *arguments).stdout)
    expected = json.loads(cli("predict", *arguments, "--provider", "cpu").stdout)
    for row, wanted in zip(said["predictions"], expected["predictions"], strict=True):
        np.testing.assert_allclose(
            list(row.pop("probabilities").values()), list(wanted.pop("probabilities").values()), atol=1e-7
        )
    assert said == expected
    assert len({row["labels"] == [] for row in said["predictions"]}) >= 1


def test_an_earlier_task_is_replaced_and_nothing_else_is(
    sample_trained: Trained, app: Run, refused_by_app: Callable[..., str], tmp_path: Path
) -> None:
    for labels in (["baking"], ["baking", "jazz"]):
        assert (
            app("adapt", sample_trained.bundle, "--labels", ",".join(labels), "--out", "taught").returncode
            == 0
        )
        assert Predictor(tmp_path / "taught" / "model.onnx", "cpu").labels == tuple(labels)
        assert [path.name for path in tmp_path.iterdir()] == ["taught"]
    (tmp_path / "link").symlink_to("taught")
    assert app("adapt", sample_trained.bundle, "--labels", "bread", "--out", "link/").returncode == 0
    assert Predictor(tmp_path / "taught" / "model.onnx", "cpu").labels == ("bread",)
    assert {path.name for path in tmp_path.iterdir()} == {"taught", "link"}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep me")
    sentence = refused_by_app("adapt", sample_trained.bundle, "--labels", "baking", "--out", "mine")
    assert "mine exists and is not an adapted task" in sentence
    (tmp_path / "file").write_text("keep me")
    sentence = refused_by_app("adapt", sample_trained.bundle, "--labels", "baking", "--out", "file/taught")
    assert "could not write file/taught: Not a directory; what was there before is unchanged" in sentence


def test_the_commands_of_its_readme_run(sample_trained: Trained, programs: Path, tmp_path: Path) -> None:
    text = (ROOT / "desire_edge" / "clients" / "cpp" / "README.md").read_text(encoding="utf-8")
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    lines = [line for line in commands.splitlines() if line.startswith("build/clients/cpp/desire_edge_app")]
    assert len(lines) >= 3
    (tmp_path / "build" / "clients").mkdir(parents=True)
    (tmp_path / "build" / "clients" / "cpp").symlink_to(programs)
    (tmp_path / "tagger.desire").symlink_to(sample_trained.bundle)
    (tmp_path / "examples").symlink_to(sample_trained.support)
    (tmp_path / "page.txt").write_text("Knead the dough, then let the loaf rest.")
    for line in lines:
        done = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (line, done.stderr)
    assert Predictor(tmp_path / "taught" / "model.onnx", "cpu").labels == ("baking", "jazz", "open source")


# The golden vectors

CASES: list[dict[str, Any]] = json.loads((VECTORS / "cases.json").read_bytes())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_it_adapts_and_predicts_as_the_golden_vectors_say(
    case: dict[str, Any], app: Run, tmp_path: Path
) -> None:
    expected, ways = case["expected"], len(case["labels"])
    support: tuple[str, ...] = ()
    if case["support"]:
        support = ("--support", "support")
        (tmp_path / "support").mkdir()
        lines = []
        for number, example in enumerate(case["support"]):
            (tmp_path / "support" / f"{number}.txt").write_text(example["text"], encoding="utf-8")
            lines.append(json.dumps({"file_name": f"{number}.txt", **example}))
        (tmp_path / "support" / "metadata.jsonl").write_text("\n".join(lines))
    arguments = (
        "--labels",
        ",".join(case["labels"]),
        "--missing",
        case["missing"],
        "--out",
        "taught",
        "--json",
    )
    done = app("adapt", VECTORS / case["bundle"], *support, *arguments)
    assert done.returncode == 0, done
    report = json.loads(done.stdout)
    assert error(report["loss_before"], expected["losses"][0]) <= 1e-5
    assert error(report["loss_after"], expected["losses"][expected["steps"]]) <= 1e-5
    assert error([label["threshold"] for label in report["labels"]], expected["thresholds"]) <= 1e-5

    taught = load_file(tmp_path / "taught" / "task.safetensors")
    assert taught["vectors"].tolist() == case["arrays"]["w_novel"]
    if case["support"]:
        assert taught["z"].tolist() == case["arrays"]["z"]
    model = onnx.load(tmp_path / "taught" / "model.onnx")
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for name, array in expected["head"].items():
        found = weights[f"task.{name}"]
        if name in ("v", "m", "l", "b"):
            assert not found[..., ways:].any()
            found = found[..., :ways]
        assert error(found, array) <= 1e-5, name

    for query, probabilities in zip(case["queries"], expected["query_probabilities"], strict=True):
        (tmp_path / "query.txt").write_text(query["text"], encoding="utf-8")
        told = ("--known-labels", ",".join(query["known_labels"])) if query.get("known_labels") else ()
        done = app("predict", "taught/model.onnx", "query.txt", *told, "--json")
        (row,) = json.loads(done.stdout)["predictions"]
        assert error(list(row["probabilities"].values()), probabilities) <= 1e-5
