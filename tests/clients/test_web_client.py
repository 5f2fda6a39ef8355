"""The web client's modules, in Node: text, names, half precision, files, as Python has them; the script in full."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from drivers.web import CLIENT, ask, install_packages
from trained import Trained

from desire_edge import Bundle
from desire_edge.inputs import VectorInput, WordsInput
from desire_edge.lexicon import Lexicon, fold, tokenize
from desire_edge.lexicon.text import split_camel_case, split_name
from desire_edge.serving import ORT, find_package, page_folder

pytestmark = pytest.mark.slow

TRICKY_TEXTS = (
    "Ruby on Rails, openSource & C++/C# (not F# + A++ = #5)",
    "don't stop, O’Brien's! 'quoted' ’’",
    "Straße İstanbul ΟΔΟΣ ΑΣ. ΣΑ Σ ǅungla ﬁle ﬀ ŉx ſ",
    "हिन्दी में नमस्ते 日本語テキスト 한국어 עברית العربية ๑๒๓ ไทย",
    "e\u0301cole école Å Å Ⅷ ① ½ ² ﷺ ㎏ ｗｉｄｅ １２３",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 😀👩‍👩‍👧 🦊fox x\u200dy a\u00adb zero\u200bwidth",
    "snake_case/web2.0 3.14 1e-5 a+++b c##d +# ++ #",
    "\ufeffBOM\u0085next\u2028line\u3000wide\ttab\x1fend",
    "",
    "… – !?",
    "a\u0897\u0323 \U000105d2\u0307 \U0001fae8x bread\U00010d50oven ΑΣ\U00010d50Σ",  # of later versions of Unicode
)
TRICKY_NAMES = (
    *(
        "webdesign",
        "rubyonrails",
        "openSource",
        "C#",
        "c++",
        "F#",
        "İstanbul",
        "日本",
        "Straße",
        "ﬁle sharing",
    ),
    *(
        "e\u0301cole",
        "don't",
        "Ελλάδας ΟΔΟΣ",
        "web2.0",
        "a",
        "1",
        "2008",
        "１２３",
        "𝔘𝔫𝔦code",
        "hürriyet",
        "🦊 fox",
    ),
    *(
        "howto map-as",
        "ſ",
        "ŉx",
        "xqzvw",
        "zzqxj vvkkq",
        "🦊",
        "…",
        "C# vs F#",
        "  padded\u3000",
        "openSourceHTML5Code",
    ),
    *(
        "the of and",
        "supercalifragilistic",
        "x" * 80,
        "knitting2baking",
        "non-fiction/to read",
        "ABCdefGHI",
        "c##",
    ),
)


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    install_packages()


@pytest.fixture(scope="module")
def names(sample_trained: Trained) -> list[str]:
    """Odd names, and words of the lexicon, alone, joined and in a row."""
    words = Bundle.open(sample_trained.bundle).lexicon.words_by_rank(8000)
    joined = [words[i] + words[2 * i + 7] for i in range(30, 3000, 31)]
    several = [f"{words[i]} {words[-i]}" for i in range(1, 1000, 23)]
    return [
        *TRICKY_NAMES,
        *words[::80],
        *joined,
        *several,
        *("".join(words[i : i + 3]) for i in range(900, 5000, 97)),
    ]


def test_the_sources_are_formatted() -> None:
    prettier = page_folder() / "node_modules" / ".bin" / "prettier"
    drivers = [str(path) for path in CLIENT.parent.glob("*.*js")]
    result = subprocess.run(
        [prettier, "--config=.prettierrc", "--check", ".", *drivers],
        cwd=page_folder(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_texts_are_split_as_in_python(sample_trained: Trained) -> None:
    texts = [*TRICKY_TEXTS, *TRICKY_NAMES, *(sample_trained.run.data.dataset.texts or ())]
    for text, answer in zip(texts, ask("text", texts=texts), strict=True):
        assert answer["fold"] == fold(text)
        assert answer["tokens"] == tokenize(text)
        assert answer["name"] == split_name(text)
        assert answer["camel"] == [split_camel_case(word) for word in split_name(text)]


def test_names_get_the_vectors_that_python_gives_them(sample_trained: Trained, names: list[str]) -> None:
    path = sample_trained.bundle / "lexicon.safetensors"
    lexicon = Lexicon.open(path)
    counts: Counter[str] = Counter()
    for name, answer in zip(names, ask("lookUp", lexicon=str(path), names=names), strict=True):
        expected = lexicon.look_up(name)
        found = (answer["name"], tuple(answer["known"]), tuple(answer["unknown"]), answer["how"])
        assert found == (expected.name, expected.known, expected.unknown, expected.how), name
        np.testing.assert_allclose(answer["vector"], expected.vector, rtol=0, atol=1e-6, err_msg=name)
        # To the bit once rounded, as they are before anything is learned from them.
        np.testing.assert_array_equal(np.float16(answer["vector"]), np.float16(expected.vector), err_msg=name)
        counts[answer["how"]] += 1
    assert len(names) >= 300
    assert min(counts[how] for how in ("word", "words", "compound", "subwords", "seeded")) >= 3, counts


def test_equal_vectors_are_told_apart_as_in_python(sample_trained: Trained) -> None:
    path = sample_trained.bundle / "lexicon.safetensors"
    names = ["reading books", "books reading", "jazz", "books/reading", "c", "c##"]
    expected = Lexicon.open(path).label_matrix(names)
    answer = ask("matrix", lexicon=str(path), names=names)
    assert answer["warnings"] == list(expected.warnings)
    assert len(expected.warnings) == 3
    np.testing.assert_allclose(np.transpose(answer["vectors"]), expected.vectors, rtol=0, atol=1e-6)


def test_numbers_are_rounded_to_half_precision_as_in_numpy() -> None:
    random = np.random.default_rng(0)
    every = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)
    every = every[np.isfinite(every)]
    between = (every[:-1].astype(np.float64) + every[1:]) / 2  # ties
    scaled = random.standard_normal(4000) * 10.0 ** random.integers(-9, 6, 4000)
    edges = [65504, 65519.99, 65520, 1e30, 2.0**-25, 2.0**-25 * 1.0001, -(2.0**-26)]
    values = np.concatenate([every, between, scaled, edges]).astype(np.float32)
    with np.errstate(over="ignore"):
        expected = values.astype(np.float16)
    answer = ask("half", values=values.tolist())
    assert [bits for bits, _ in answer] == expected.view(np.uint16).tolist()
    rounded = [np.inf if value is None else value for _, value in answer]  # JSON has no infinity
    np.testing.assert_array_equal(np.abs(rounded), np.abs(expected).astype(np.float64))


@pytest.mark.parametrize("kind", ["f4", "f8", "i4", "u1", ">f4"])
def test_vectors_in_files_are_read(kind: str, tmp_path: Path) -> None:
    array = np.array([0, 1, 250, 3, 77]).astype(kind)
    np.save(tmp_path / "x.npy", array)
    spec = VectorInput(5)
    (answer,) = ask("features", input=spec.to_json(), files=[str(tmp_path / "x.npy")])
    assert answer == {"x": array.astype(float).tolist()}


def test_raw_input_that_a_model_cannot_take_is_refused(tmp_path: Path) -> None:
    files = {
        "unknown.json": b'{"nope": 1}',
        "nan.json": b'{"a": NaN}',
        "list.json": b"[1, 2]",
        "large.json": b'{"a": 1e300}',
        "text.json": b'{"a": "1"}',
        "latin.txt": "café".encode("latin-1"),
        "short.npy": b"\x93NUMPY",
        "picture.png": b"\x89PNG",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    objects = np.empty(2, object)
    np.save(tmp_path / "pickle.npy", objects, allow_pickle=True)
    np.save(tmp_path / "wide.npy", np.zeros(3))
    np.save(tmp_path / "infinite.npy", np.array([np.inf, 0]))
    paths = sorted(tmp_path.iterdir())
    spec = WordsInput(("a", "b"))
    for path, answer in zip(
        paths, ask("features", input=spec.to_json(), files=[str(p) for p in paths]), strict=True
    ):
        assert path.name in answer["refused"]


def test_values_that_are_no_raw_input_are_refused() -> None:
    spec = WordsInput(("a", "b"))
    answers = ask("noRawInput", input=spec.to_json())
    said = "example 0 is no text, vector or object from feature to number"
    assert answers == [{"refused": said}] * 5


def test_known_labels_are_never_dropped(sample_trained: Trained, known_trained: Trained) -> None:
    base = Bundle.open(known_trained.bundle).manifest.base_labels[0]
    given = [[[], []], [[base], []], [[]], [[], [], [base]], [base, base]]
    none, some, *wrong = ask(
        "knownLabels", bundle=str(known_trained.bundle), queries=["bread", "bike"], given=given
    )
    assert none[0] != some[0]
    assert none[1] == some[1]
    said = "there must be one list of known labels an input, and there are 2 inputs"
    assert wrong == [{"refused": said}] * 3
    none, some, *wrong = ask(
        "knownLabels", bundle=str(sample_trained.bundle), queries=["bread", "bike"], given=given
    )
    assert len(none) == 2
    assert some == {"refused": "input 0 has known labels, but this bundle does not use them"}
    assert wrong == [{"refused": said}] * 3


def test_a_folder_is_taken_whole_or_refused() -> None:
    assert ask("dropped", count=5000) == 5000
    assert ask("dropped", count=5001) == {"refused": "more than 5000 files were dropped; drop fewer at once"}


def test_npm_fetches_what_the_page_needs_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the page is installed without its packages, as from a wheel: into the user's cache."""
    modules = page_folder() / "node_modules" / "onnxruntime-web" / "dist"
    page = tmp_path / "page"
    page.mkdir()
    shutil.copy(page_folder() / "package-lock.json", page)
    monkeypatch.setattr("desire_edge.serving.page_folder", lambda: page)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    said: list[str] = []
    folder = find_package(ORT, say=said.append)
    assert folder.is_relative_to(tmp_path / "cache")
    assert {file.name for file in folder.iterdir()} == set(ORT.files)
    for name in ORT.files:
        assert (folder / name).read_bytes() == (modules / name).read_bytes()
    monkeypatch.setenv("PATH", "")  # not asked again
    assert find_package(ORT, say=said.append) == folder
    assert len(said) == 1
