"""The C++ client makes the command line's files byte for byte, and refuses what it refuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from cli.test_cli_bad_bundle import MANIFESTS, sign
from cli.test_cli_bad_support import FOLDERS
from drivers.cpp import TOOLS, build_programs, finished
from onnx import numpy_helper
from safetensors.numpy import load_file, save_file
from trained import WAYS, Trained

from desire_edge import Bundle, DesireEdgeError, Predictor, Support
from desire_edge.lexicon import LabelVector, Lexicon, tokenize
from desire_edge.runtime import read_input

ROOT = Path(__file__).parents[2]
UNREAD = {"batch", "opset", "conditioning", "training", "precision", "max_support"}
"""What the manifest says and this program does not read."""
JSON_LIBRARY = {
    *("NaN in metadata", "half a character", "deep features", "features that are no JSON", "NaN feature"),
    *(
        "infinite feature",
        "feature beyond float64",
        "feature that is nested",
        "labels nested",
        "labels missing",
    ),
    *(
        "labels as one string",
        "a number as a label",
        "known labels as one string",
        "feature that is no number",
    ),
    *("feature that is true", "pickled objects", "a header of terabytes", "CSV with an endless field"),
}
"""Support folders that this program refuses in other words than Python."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of `desire_edge_app` and `probe`; they stay built, so that a later run builds what changed."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        assert os.environ.get("CI") != "true", (
            f"CI must build the C++ example, and lacks {', '.join(missing)}"
        )
        pytest.skip(f"needs {', '.join(missing)}")
    return build_programs()


@pytest.fixture
def app(programs: Path, tmp_path: Path) -> Run:
    """Run `desire_edge_app` in `tmp_path`."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(programs / "desire_edge_app"), *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def refused(app: Run, tmp_path: Path) -> Callable[..., str]:
    """Run `desire_edge_app`, which must refuse with exit code 2 and write nothing; return its one sentence."""

    def run(*arguments: object) -> str:
        before = {path: path.read_bytes() for path in tmp_path.rglob("taught/*")}
        names = set(tmp_path.iterdir())
        done = app(*arguments)
        assert done.returncode == 2, done
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ") and len(line) < 600
        assert {path: path.read_bytes() for path in tmp_path.rglob("taught/*")} == before
        assert set(tmp_path.iterdir()) == names
        return line

    return run


@pytest.fixture
def probe(programs: Path) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Ask the example's parts; see probe.cpp."""

    def ask(questions: dict[str, Any]) -> dict[str, Any]:
        answers: dict[str, Any] = json.loads(finished(programs / "probe", given=json.dumps(questions)))
        return answers

    return ask


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# What it writes and says


@pytest.mark.parametrize("model", ["sample", "known"])
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
    assert contents(tmp_path / "taught") == contents(tmp_path / "python")

    said, expected = (
        json.loads(done.stdout),
        {"out": "taught", **json.loads(json.dumps(task.report.to_json()))},
    )
    assert list(said) == list(expected)
    for report in (said, expected):
        del report["extract_seconds"], report["adapt_seconds"]
    assert said == expected


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
    assert contents(tmp_path / "taught") == contents(tmp_path / "python")


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
    assert contents(tmp_path / "taught") == contents(tmp_path / "python")

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
    sample_trained: Trained, app: Run, refused: Callable[..., str], tmp_path: Path
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
    sentence = refused("adapt", sample_trained.bundle, "--labels", "baking", "--out", "mine")
    assert "mine exists and is not an adapted task" in sentence
    (tmp_path / "file").write_text("keep me")
    sentence = refused("adapt", sample_trained.bundle, "--labels", "baking", "--out", "file/taught")
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


# What it refuses


@pytest.mark.parametrize("name", FOLDERS)
def test_a_bad_support_folder_is_refused(
    name: str, sample_trained: Trained, refused: Callable[..., str], tmp_path: Path
) -> None:
    files, expected = FOLDERS[name]
    (tmp_path / "outside.txt").write_text("not yours")
    (tmp_path / "support").mkdir()
    for file, content in files.items():
        (tmp_path / "support" / file).write_bytes(content.encode() if isinstance(content, str) else content)
    sentence = refused("adapt", sample_trained.bundle, "--support", "support", "--out", "taught")
    assert sentence.startswith("error: support/") if name in JSON_LIBRARY else expected in sentence


def test_links_out_of_the_folder_are_refused(
    sample_trained: Trained, refused: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "outside.txt").write_text("not yours")
    (tmp_path / "support").mkdir()
    (tmp_path / "support" / "metadata.jsonl").write_text('{"file_name": "link.txt", "labels": ["baking"]}')
    (tmp_path / "support" / "link.txt").symlink_to("../outside.txt")
    arguments = ("adapt", sample_trained.bundle, "--support", "support", "--out", "taught")
    assert "lies outside the folder" in refused(*arguments)
    (tmp_path / "support" / "link.txt").unlink()
    (tmp_path / "support" / "link.txt").symlink_to("link.txt")
    assert "'link.txt' is no file name" in refused(*arguments)


@pytest.fixture
def bundle(sample_trained: Trained, tmp_path: Path) -> Path:
    """A copy of a real bundle, to spoil."""
    return Path(shutil.copytree(sample_trained.bundle, tmp_path / "tagger.desire"))


@pytest.mark.parametrize(
    "name", [name for name, (values, _) in MANIFESTS.items() if not set(values) & UNREAD]
)
def test_a_manifest_with_values_that_cannot_be_is_refused(
    name: str, bundle: Path, refused: Callable[..., str]
) -> None:
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    (bundle / "manifest.json").write_text(json.dumps(manifest | MANIFESTS[name][0]))
    sentence = refused("adapt", "tagger.desire", "--labels", "baking", "--out", "taught")
    assert sentence.startswith("error: tagger.desire/")


READ = ("extractor.onnx", "head.fragment.onnx", "semantics.safetensors", "lexicon.safetensors")


@pytest.mark.parametrize("name", READ)
def test_a_changed_or_missing_file_is_noticed(name: str, bundle: Path, refused: Callable[..., str]) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    arguments = ("adapt", "tagger.desire", "--labels", "baking", "--out", "taught")
    assert f"{name} is not what was exported (its SHA-256 differs); copy the bundle again" in refused(
        *arguments
    )
    (bundle / name).unlink()
    assert f"the bundle tagger.desire lacks its file {name}; copy it again" in refused(*arguments)


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("kept", [0, 7, 0.5])
def test_a_file_cut_short_is_refused_even_if_signed(
    name: str, kept: float, bundle: Path, refused: Callable[..., str]
) -> None:
    content = (bundle / name).read_bytes()
    (bundle / name).write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    sign(bundle)
    assert f"tagger.desire/{name} " in refused(
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
    name: str, array: Any, bundle: Path, refused: Callable[..., str]
) -> None:
    arrays = load_file(bundle / "semantics.safetensors")
    del arrays[name]
    save_file(arrays if array is None else arrays | {name: array}, bundle / "semantics.safetensors")
    sign(bundle)
    sentence = refused("adapt", "tagger.desire", "--labels", "baking", "--out", "taught")
    assert f"semantics.safetensors: {name} is not a finite float32 array of shape" in sentence


def test_a_lexicon_of_negative_width_is_refused(bundle: Path, refused: Callable[..., str]) -> None:
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
    sentence = refused("adapt", "tagger.desire", "--labels", "baking", "--out", "taught")
    assert "lexicon.safetensors" in sentence


def test_an_extractor_that_gives_another_shape_than_it_declares_is_refused(
    bundle: Path, refused: Callable[..., str], tmp_path: Path
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
    (bundle / "extractor.onnx").write_bytes(model.SerializeToString())
    sign(bundle)
    support = tmp_path / "support"
    support.mkdir()
    (support / "a.txt").write_text("a guide to bread")
    (support / "metadata.jsonl").write_text(json.dumps({"file_name": "a.txt", "labels": ["baking"]}))
    sentence = refused("adapt", "tagger.desire", "--support", "support", "--out", "taught")
    assert f"gives no z of {manifest['dimension']} numbers a row" in sentence
    with pytest.raises(DesireEdgeError, match=f"gives no z of {manifest['dimension']} numbers a row"):
        Bundle.open(bundle, "cpu").adapt(Support.read(support))


@pytest.mark.parametrize("kept", [0, 0.5])
def test_a_model_cut_short_is_refused(
    kept: float, sample_trained: Trained, refused: Callable[..., str], tmp_path: Path
) -> None:
    model = Bundle.open(sample_trained.bundle, "cpu").adapt(labels=["baking"]).model
    (tmp_path / "model.onnx").write_bytes(model[: int(kept * len(model))])
    (tmp_path / "page.txt").write_text("a guide to bread")
    assert "model.onnx is not a whole ONNX model" in refused("predict", "model.onnx", "page.txt")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("teach",), "there is no command 'teach'"),
        (("adapt",), "name a BUNDLE and --out OUT"),
        (("adapt", "tagger.desire", "--out"), "the option --out needs a value"),
        (("adapt", "tagger.desire", "--out", "taught"), "name a folder of examples with --support"),
        (("adapt", "tagger.desire", "--out", "taught", "--label", "a"), "there is no option --label"),
        (("adapt", "nothing", "--out", "taught", "--labels", "a"), "nothing is not a bundle"),
        (
            ("adapt", "tagger.desire", "--out", "taught", "--labels", "a,,b"),
            "--labels: a label name is empty",
        ),
        (
            ("adapt", "tagger.desire", "--out", "taught", "--labels", "a", "--missing", "no"),
            "--missing is 'no', and must be",
        ),
        (("predict", "model.onnx"), "name a MODEL and one FILE or more"),
        (("predict", "nothing.onnx", "page.txt"), "cannot read nothing.onnx: there is no such file"),
    ],
)
def test_wrong_arguments_are_refused(
    arguments: tuple[str, ...], expected: str, refused: Callable[..., str]
) -> None:
    assert expected in refused(*arguments)


# Its parts against Python's


def test_every_character_is_folded_and_split_as_python_does(probe: Callable[[Any], Any]) -> None:
    surrogates = range(0xD800, 0xE000)
    known = [chr(c) for c in range(0x110000) if c not in surrogates and unicodedata.category(chr(c)) != "Cn"]
    texts = [f"a{character}b {character} Σ{character}Σ'x {character}++" for character in known]
    assert probe({"tokenize": texts})["tokenize"] == [tokenize(text) for text in texts]


def test_halves_are_rounded_as_numpy_does(probe: Callable[[Any], Any]) -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    every = np.sort(every[np.isfinite(every)].astype(np.float32))
    between = (every[1:].astype(np.float64) + every[:-1]) / 2  # ties, which single precision holds
    values = np.concatenate([every, between.astype(np.float32)])
    values = np.concatenate([values, *(np.nextafter(values, np.float32(far)) for far in (-np.inf, np.inf))])
    assert np.array_equal(
        probe({"half": values.tolist()})["half"], values.astype(np.float16).astype(np.float32).tolist()
    )


def test_names_get_the_vectors_that_python_gives_them(
    sample_trained: Trained, probe: Callable[[Any], Any]
) -> None:
    path = sample_trained.bundle / "lexicon.safetensors"
    lexicon = Lexicon.open(path)
    frequent = lexicon.words_by_rank(2000)
    pairs = np.random.default_rng(0).choice(frequent, (200, 2)).tolist()
    names = [
        "open source",
        "C#",
        "c++",
        "Zzqxv",
        "openSource",
        "don't",
        "日本語",
        "ΟΔΟΣ",
        "İstanbul",
        " x ",
        "2007",
    ]
    names += [*map("".join, pairs), *map(" ".join, pairs), *(f"{word[:-1]}qz" for word in frequent[:200])]
    matrices = [["jazz", "Jazz", "JAZZ", "bread"], ["web design", "webdesign", "design web"]]
    answers = probe({"lexicon": str(path), "look_up": names, "label_matrix": matrices})
    entries = [lexicon.look_up(name) for name in names]
    assert {entry.how for entry in entries} == {"word", "words", "compound", "subwords", "seeded"}
    for found, entry in zip(answers["look_up"], entries, strict=True):
        assert found == as_json(entry)
    for found, labels in zip(answers["label_matrix"], matrices, strict=True):
        matrix = lexicon.label_matrix(labels)
        assert found["warnings"] == list(matrix.warnings) and matrix.warnings
        assert found["entries"] == [as_json(entry) for entry in matrix.entries]


def as_json(label: LabelVector) -> dict[str, Any]:
    return {
        "name": label.name,
        "vector": label.vector.tolist(),
        "known": list(label.known),
        "unknown": list(label.unknown),
        "how": label.how,
    }


# The golden vectors

VECTORS = ROOT / "tests" / "vectors"
CASES: list[dict[str, Any]] = json.loads((VECTORS / "cases.json").read_bytes())


def error(found: Any, expected: Any) -> float:
    """max|found - expected| / max|expected|, as the vectors' README measures it."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    largest = np.abs(expected).max(initial=0)
    return float(np.abs(found - expected).max(initial=0) / (largest or 1))


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
        if name in ("v", "m"):
            assert not found[:, ways:].any()
            found = found[:, :ways]
        assert error(found, array) <= 1e-5, name

    for query, probabilities in zip(case["queries"], expected["query_probabilities"], strict=True):
        (tmp_path / "query.txt").write_text(query["text"], encoding="utf-8")
        told = ("--known-labels", ",".join(query["known_labels"])) if query.get("known_labels") else ()
        done = app("predict", "taught/model.onnx", "query.txt", *told, "--json")
        (row,) = json.loads(done.stdout)["predictions"]
        assert error(list(row["probabilities"].values()), probabilities) <= 1e-5


def test_texts_names_and_halves_are_the_golden_vectors(probe: Callable[[Any], Any]) -> None:
    texts = json.loads((VECTORS / "texts.json").read_bytes())["cases"]
    answers = probe({"tokenize": [text["text"] for text in texts]})
    assert answers["tokenize"] == [text["tokens"] for text in texts]

    halves = json.loads((VECTORS / "halves.json").read_bytes())
    halves = [half for half in halves if np.isfinite(half["half"])]
    assert probe({"half": [half["value"] for half in halves]})["half"] == [half["half"] for half in halves]

    labels = json.loads((VECTORS / "labels.json").read_bytes())
    names, groups = labels["names"], labels["groups"]
    answers = probe(
        {
            "lexicon": str(VECTORS / "plain" / "lexicon.safetensors"),
            "look_up": [name["name"] for name in names],
            "label_matrix": [group["names"] for group in groups],
        }
    )
    for found, name in zip(answers["look_up"], names, strict=True):
        assert [found[key] for key in ("how", "known", "unknown")] == [
            name[key] for key in ("how", "known", "unknown")
        ]
        assert error(found["vector"], name["vector"]) <= 1e-6
    for found, group in zip(answers["label_matrix"], groups, strict=True):
        assert error([entry["vector"] for entry in found["entries"]], group["vectors"]) <= 1e-6
        assert len(found["warnings"]) == sum(group["told_apart"])
