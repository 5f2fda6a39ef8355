"""Make the golden vectors beside this file: `PYTHONPATH=tests python -m vectors.make`. The README says what they are.

What is expected of an adaptation comes from autograd in float64, on the weights that the bundles hold, and from the
equations; the labels' vectors and the tokens come from `desire_edge.lexicon`, which defines them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from core.reference import Model, Task, adapt, base_scores, project
from numpy.typing import NDArray
from safetensors.numpy import load, save

from desire_edge.export.bundle import ExportOptions, write_graphs
from desire_edge.export.graphs import extractor_graph
from desire_edge.export.weights import conditioning, inference_product, output_gram
from desire_edge.files import write_json
from desire_edge.inputs import WordsInput
from desire_edge.lexicon import Lexicon, tokenize
from desire_edge.lexicon.build import build_lexicon
from desire_edge.lexicon.seeded import seeded_direction
from desire_edge.lexicon.sources import Source
from desire_edge.models import Extractor, Mlp
from desire_edge.runtime.manifest import FILES, LEXICON, MANIFEST, SEMANTICS, FileRecord, Manifest
from desire_edge.runtime.support import Support

FOLDER = Path(__file__).parent
D, HIDDEN, WIDTH = 6, 5, 7  # of z, of W_Z, of the extractor's hidden layer
BASE_LABELS = ("cooking", "music", "programming", "travel")
VOCABULARY = (
    "bread", "oven", "jazz", "trumpet", "linux", "kernel", "c++", "rome", "train", "naïve", "dont", "42", "旅行",
)  # fmt: skip
LIMIT = 13.8


def numbers(name: str, *shape: int, scale: float = 1.0) -> NDArray[np.float32]:
    """Numbers of about `scale` that depend on the name alone, on any machine."""
    count = int(np.prod(shape))
    direction = seeded_direction(name, max(2, count))[:count]
    return np.float32(scale * np.sqrt(count) * direction).reshape(shape)


@dataclass(frozen=True)
class Case:
    """A task for one of the bundles, and what is asked of it then."""

    name: str
    about: str
    labels: tuple[str, ...]
    support: tuple[dict[str, Any], ...] = ()
    missing: Any = "negative"
    bundle: str = "plain"
    queries: tuple[dict[str, Any], ...] = field(
        default=({"text": "Warm bread, and jazz."}, {"text": "a train to Rome"}, {"text": "nothing it knows"})
    )


BREAD = {"text": "Bread from a hot oven", "labels": ["baking"]}
JAZZ = {"text": "jazz: a trumpet!", "labels": ["jazz"]}
LINUX = {"text": "The Linux kernel, in C++", "labels": ["open source"]}
BOTH = {"text": "bread and JAZZ", "labels": ["baking", "jazz"]}
NEITHER = {"text": "a train to Rome", "labels": []}
TOLD = ({**BREAD, "known_labels": ["cooking"]}, {**JAZZ, "known_labels": ["music", "travel"]}, LINUX)
CASES = (
    Case("one example", "One label and one example, which carries it.", ("baking",), (BREAD,)),
    Case(
        "three examples",
        "Every example says yes or no to every label.",
        ("baking", "jazz", "open source"),
        (BREAD, JAZZ, LINUX),
    ),
    Case(
        "all rows and ways",
        "As many examples and labels as the graphs hold; an example of two labels and one of none; a label that no "
        "example carries.",
        ("baking", "jazz", "open source", "travel"),
        (BREAD, JAZZ, LINUX, BOTH, NEITHER, {"text": "An oven for C++", "labels": ["open source"]}),
    ),
    Case(
        "unknown targets",
        "What an example does not say is not known; one says no.",
        ("baking", "jazz"),
        (BREAD, {**JAZZ, "negative_labels": ["baking"]}, {"text": "linux", "labels": ["jazz"]}),
        missing="unknown",
    ),
    Case("by name alone", "No examples: no step is taken.", ("baking", "open source", "jazz")),
    Case(
        "nothing known",
        "An example of which nothing is known: as without it.",
        ("baking", "jazz"),
        ({"text": "Bread from a hot oven", "labels": []},),
        missing="unknown",
    ),
    Case(
        "no yes",
        "Examples that carry no label, one of them without a word that is known.",
        ("baking", "jazz"),
        (NEITHER, {"text": "nothing it knows", "labels": []}),
    ),
    Case(
        "overshoot",
        "Equal examples with other labels: the last steps are too long, so that the lowest loss is not the last.",
        ("baking", "jazz"),
        (
            BREAD,
            {**BREAD, "labels": ["jazz"]},
            {**BREAD, "labels": []},
            {**BREAD, "labels": ["baking", "jazz"]},
        ),
    ),
    Case(
        "known labels",
        "Base labels stand in for what is seen.",
        ("baking", "jazz", "open source"),
        TOLD,
        bundle="known",
        queries=(
            {"text": "Warm bread, and jazz.", "known_labels": ["music"]},
            {"text": "Warm bread, and jazz."},
        ),
    ),
    Case(
        "known labels by name",
        "No examples, but something is known of what is asked.",
        ("baking", "jazz"),
        bundle="known",
        queries=({"text": "rome", "known_labels": ["travel", "cooking"]}, {"text": "rome"}),
    ),
)
TEXTS = (
    "", "Bread", "don't DON’T", "C++ c# c+ +c", "naïve nai\u0308ve NAÏVE", "ｊａｚｚ ﬁne", "旅行・旅行", "a_b-c.d/e",
    "42 ４２ ①", "Straße İstanbul", "jazz\u00a0trumpet\u200bjazz", "\ud7ff\U0001f600oven\U0001f600",
)  # fmt: skip
WORDS = (
    "the", "of", "and", "bread", "baking", "jazz", "music", "open", "source", "c", "web", "design", "linux", "travel",
    "book", "books", "naïve", "e-mail", "c++", "2007", "旅行", "rail", "road", "trumpet",
)  # fmt: skip
NAMES = (
    "bread", " Jazz ", "NAÏVE", "ｊａｚｚ", "C++", "c#", "open source", "openSource", "Open-Source!", "webdesign",
    "bread of jazz", "railroads", "e-mail", "旅行", "2007", "zzyzx", "bread zzyzx", "+++", "旅行 bread",
)  # fmt: skip
GROUPS = (("book", "books"), ("bread", "Bread"), ("zzyzx", "xyzzy", "book", "books", "BOOK"))
HALVES = (
    0.0, -0.0, 1.0, -1.5, 0.1, 1 / 3, 2.0**-14, 2.0**-24, 2.0**-25, 1.5 * 2.0**-24, -(2.0**-25) * 1.001, 1 + 2.0**-11,
    1 + 3 * 2.0**-11, 2049.0, 2051.0, 65504.0, 65519.0, -6.1e-5,
)  # fmt: skip


def tiny_lexicon(path: Path) -> None:
    """Two sources, of which the second knows every other word; `book` and `books` have one vector."""
    rows = np.arange(len(WORDS))
    rows[WORDS.index("books")] = WORDS.index("book")
    first = Source("first", WORDS, rows, numbers("lexicon.first", len(WORDS), 2), 3.0)
    second_words = tuple(word for word in WORDS[::2] if word != "book")
    second = numbers("lexicon.second", len(second_words), D - 2)
    build_lexicon([first, Source("second", second_words, np.arange(len(second_words)), second, 2.0)], path)


def tiny_arrays(*, known_labels: bool) -> dict[str, NDArray[np.float32]]:
    """A model along the principal axes of its W_base, as bundles have it: the rows of W_base are orthogonal."""
    signs = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]], np.float32)
    sigma = np.array([3, 2, 1.5, 0.75, 0, 0], np.float32)
    w_base = np.zeros((D, len(BASE_LABELS)), np.float32)
    w_base[:4] = sigma[:4, None] / 2 * signs
    arrays = {
        "w_base": w_base,
        "w_i": numbers("w_i", len(BASE_LABELS), D, scale=0.4),
        "w1": numbers("w1", D, HIDDEN, scale=0.5),
        "b1": numbers("b1", HIDDEN, scale=0.3),
        "w2": numbers("w2", HIDDEN, D, scale=0.5),
        "b2": numbers("b2", D, scale=0.2),
        "gamma1": np.float32(1.25),
        "gamma2": np.float32(0.75),
        "step_sizes": np.array(
            [[0.25, 0.25, 0.125, 0.5, 0.25], [0.25] * 5, [0.5] * 5, [4, 4, 2, 1, 1]], np.float32
        ),
        "base_bias": numbers("base_bias", len(BASE_LABELS)),
        "threshold_weights": np.array([0.1, -0.2, 0.3, 0.4, -0.5], np.float32),
        "q0": np.float32(0),
    }
    exact = {name: np.asarray(value, np.float64) for name, value in arrays.items()}
    arrays["q0"] = np.float32(output_gram(exact["w2"], exact["b2"]))
    if not known_labels:
        arrays |= {"p": np.float32(inference_product(exact["w_base"], exact["w_i"])), "r": np.diag(sigma)}
    return {name: np.array(value, np.float32, order="C") for name, value in arrays.items()}


def tiny_extractor() -> Extractor:
    extractor = Extractor(Mlp(len(VOCABULARY), [WIDTH], 0.0), D).eval()
    names = ("layers.0.weight", "layers.0.bias", "layers.3.weight", "layers.3.bias")
    with torch.no_grad():
        for name, parameter in zip(names, extractor.parameters(), strict=True):
            parameter.copy_(torch.from_numpy(numbers(f"extractor.{name}", *parameter.shape)))
    return extractor


def make_bundle(folder: Path, *, known_labels: bool) -> None:
    """Write a whole bundle of tiny sizes into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ExportOptions(ways=4, batch=1, max_support=6)
    arrays = tiny_arrays(known_labels=known_labels)
    graph = extractor_graph(tiny_extractor(), len(VOCABULARY), options.batch, options.opset)
    body = write_graphs(folder, graph, arrays, options, known_labels=known_labels)
    (folder / SEMANTICS).write_bytes(save(arrays))
    tiny_lexicon(folder / LEXICON)
    weights = [arrays[name].astype(np.float64) for name in ("w1", "b1", "w2", "b2")]
    manifest = Manifest(
        name=folder.name,
        dimension=D,
        hidden=HIDDEN,
        ways=options.ways,
        batch=options.batch,
        max_support=options.max_support,
        opset=options.opset,
        base_labels=BASE_LABELS,
        known_labels=known_labels,
        input=WordsInput(VOCABULARY),
        precision="fp32",
        extractor_body=body,
        conditioning=conditioning(np.eye(D), *weights),
        training={"about": "golden vectors: not trained"},
        files={name: FileRecord.of(folder / name) for name in FILES},
    )
    write_json(folder / MANIFEST, manifest.to_json())


def rounded_to_half(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """As float16 and back. Refuses numbers that another order of float32 sums might round otherwise."""
    half = values.astype(np.float16).astype(np.float64)
    ulp = np.maximum(2.0 ** np.floor(np.log2(np.maximum(np.abs(values), 2.0**-14))) * 2.0**-10, 2.0**-24)
    assert (np.abs(np.abs(values - half) - ulp / 2) > 1e-6 * np.abs(values) + 1e-12).all() or not values.size
    return half


def x_of(text: str) -> NDArray[np.float64]:
    words = set(tokenize(text))
    return np.array([float(word in words) for word in VOCABULARY])


def known_rows(items: tuple[dict[str, Any], ...]) -> NDArray[np.float64]:
    return np.array([[float(name in item.get("known_labels", ())) for name in BASE_LABELS] for item in items])


def threshold(
    logits: NDArray[np.float64], targets: NDArray[np.float64], weights: NDArray[np.float64]
) -> float:
    """The threshold of one label, of the known examples' logits and targets."""
    odds = weights[0]
    if len(logits):
        positives = targets.sum()
        log_odds = np.log((positives + 1) / (len(targets) - positives + 1))
        odds += weights[1:] @ [1, log_odds, logits.mean(), logits.std()]
    return float(1 / (1 + np.exp(-np.clip(odds, -LIMIT, LIMIT))))


def expected(case: Case) -> dict[str, Any]:
    """The case as it stands in the file."""
    arrays = load((FOLDER / case.bundle / SEMANTICS).read_bytes())
    lexicon = Lexicon.open(FOLDER / case.bundle / LEXICON)
    known_labels = case.bundle == "known"
    exact = {name: torch.from_numpy(value).double() for name, value in arrays.items()}
    model = Model(
        **{name: exact[name] for name in ("w1", "b1", "w2", "b2", "gamma1", "gamma2", "w_i", "w_base")}
    )
    extractor = tiny_extractor().double()

    def features(items: tuple[dict[str, Any], ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        x = np.array([x_of(item["text"]) for item in items]).reshape(len(items), len(VOCABULARY))
        with torch.no_grad():
            return x, np.asarray(extractor(torch.from_numpy(x)), np.float64).reshape(len(items), D)

    support = Support.of(
        [item["text"] for item in case.support],
        [item["labels"] for item in case.support],
        [item.get("negative_labels", ()) for item in case.support],
    )
    targets, mask = (np.asarray(a, np.float64) for a in support.targets(case.labels, case.missing))
    x, exact_z = features(case.support)
    z = rounded_to_half(exact_z)
    query_x, query_z = features(case.queries)
    w_novel = lexicon.label_matrix(case.labels).vectors.astype(np.float16).astype(np.float64)
    known = known_rows(case.support).reshape(len(z), len(BASE_LABELS))
    query_known = known_rows(case.queries)
    task = Task(
        z=torch.from_numpy(z),
        targets=torch.from_numpy(targets),
        mask=torch.from_numpy(mask),
        w_novel=torch.from_numpy(w_novel),
        # The loss of autograd here is a mean over what is known, a bundle's the sum over the labels of the mean.
        step_sizes=exact["step_sizes"] * mask.any(axis=0).sum(),
        known_labels=torch.from_numpy(known) if known_labels else None,
    )
    models, losses = adapt(model, task)
    steps = len(losses) - 1 - int(np.argmin(losses[::-1])) if mask.any() else 0
    if mask.any():
        others = np.delete(losses, steps)
        assert (others > losses[steps] * (1 + 1e-4)).all(), "the lowest loss is too close to another"
    kept = models[steps]
    logits = project(kept, task.z, task.w_novel, task.known_labels).numpy()
    told = torch.from_numpy(query_known) if known_labels else None
    query_logits = project(kept, torch.from_numpy(query_z), task.w_novel, told)
    weights = arrays["threshold_weights"].astype(np.float64)
    tilde = torch.vstack([kept.w2, kept.b2])
    q = tilde @ tilde.T
    q[-1, -1] += 1e-12
    m = kept.w_i @ task.w_novel if known_labels else kept.w_base @ kept.w_i @ task.w_novel
    arrays_in = {"x": x, "z": z, "targets": targets, "mask": mask, "w_novel": w_novel}
    queries_in = {"x": query_x, "z": query_z}
    if known_labels:
        arrays_in["known_labels"], queries_in["known_labels"] = known, query_known
        arrays_in["scores"] = base_scores(model, task.z, task.known_labels).numpy()
    return {
        "name": case.name,
        "about": case.about,
        "bundle": case.bundle,
        "labels": list(case.labels),
        "missing": case.missing,
        "support": list(case.support),
        "queries": list(case.queries),
        "arrays": {name: value.tolist() for name, value in arrays_in.items()},
        "query_arrays": {name: value.tolist() for name, value in queries_in.items()},
        "expected": {
            "losses": losses.tolist(),
            "steps": steps,
            "logits": logits.tolist(),
            "thresholds": [
                threshold(logits[mask[:, n] > 0, n], targets[mask[:, n] > 0, n], weights)
                for n in range(len(case.labels))
            ],
            "query_logits": query_logits.tolist(),
            "query_probabilities": torch.sigmoid(query_logits).tolist(),
            "head": {
                "w1": np.pad(kept.w1.numpy(), [(0, 0), (0, 1)]).tolist(),
                "b1": [*kept.b1.tolist(), 1.0],
                "v": (kept.gamma1 * tilde @ task.w_novel).tolist(),
                "q": q.tolist(),
                "m": (kept.gamma2 * m).tolist(),
            },
        },
    }


def texts() -> dict[str, Any]:
    """Texts, their words in order, and the indices of x that are 1."""
    cases = [
        {"text": text, "tokens": tokenize(text), "x": np.flatnonzero(x_of(text)).tolist()} for text in TEXTS
    ]
    return {"vocabulary": list(VOCABULARY), "cases": cases}


def labels() -> dict[str, Any]:
    """Names and their vectors in the bundles' lexicon, alone and as columns of one matrix."""
    lexicon = Lexicon.open(FOLDER / "plain" / LEXICON)
    names = []
    for name in NAMES:
        entry = lexicon.look_up(name)
        half = entry.vector.astype(np.float16)
        names.append(
            {
                "name": name,
                "how": entry.how,
                "known": list(entry.known),
                "unknown": list(entry.unknown),
                "vector": entry.vector.astype(np.float64).tolist(),
                "half": half.astype(np.float64).tolist(),
            }
        )
    groups = []
    for group in GROUPS:
        matrix = lexicon.label_matrix(group)
        apart = [
            not np.array_equal(entry.vector, lexicon.look_up(entry.name).vector) for entry in matrix.entries
        ]
        columns = matrix.vectors.T.astype(np.float64).tolist()
        groups.append({"names": list(group), "vectors": columns, "told_apart": apart})
    return {"names": names, "groups": groups}


def halves() -> list[dict[str, Any]]:
    """Float32 numbers and float16's nearest, ties to even, as numbers and as bits."""
    values = np.array(HALVES, np.float32)
    return [
        {"value": float(value), "bits": f"{bits:08x}", "half": float(half), "half_bits": f"{half_bits:04x}"}
        for value, bits, half, half_bits in zip(
            values,
            values.view(np.uint32).tolist(),
            values.astype(np.float16),
            values.astype(np.float16).view(np.uint16).tolist(),
            strict=True,
        )
    ]


def text_of(value: Any, depth: int = 0) -> str:
    """JSON with a line for each entry, and for each array of numbers or names."""
    inside, outside = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, dict) and value:
        entries = (f"{json.dumps(key)}: {text_of(item, depth + 1)}" for key, item in value.items())
        return "{" + inside + ("," + inside).join(entries) + outside + "}"
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return "[" + inside + ("," + inside).join(text_of(item, depth + 1) for item in value) + outside + "]"
    return json.dumps(value, ensure_ascii=False)


def files() -> dict[str, Any]:
    """The content of each JSON file, made from the bundles beside this file."""
    return {
        "cases.json": [expected(case) for case in CASES],
        "texts.json": texts(),
        "labels.json": labels(),
        "halves.json": halves(),
    }


def main() -> None:
    """Write everything."""
    for name in ("plain", "known"):
        make_bundle(FOLDER / name, known_labels=name == "known")
    for name, content in files().items():
        (FOLDER / name).write_text(text_of(content) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
