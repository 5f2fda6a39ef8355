"""The golden bundles: whole ones, of tiny sizes, with weights that depend on their names alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from desire_edge.coverage import Coverage
from desire_edge.export.bundle import ExportOptions, write_graphs
from desire_edge.export.graphs import extractor_graph
from desire_edge.export.weights import conditioning, inference_product, output_gram
from desire_edge.export.words import by_words
from desire_edge.files import write_json
from desire_edge.inputs import WordsInput
from desire_edge.lexicon import tokenize
from desire_edge.lexicon.build import build_lexicon
from desire_edge.lexicon.seeded import seeded_direction
from desire_edge.lexicon.sources import Source
from desire_edge.models import Extractor, Mlp
from desire_edge.runtime.heads import PaperSemantics, PriorSemantics
from desire_edge.runtime.manifest import FILES, LEXICON, MANIFEST, SEMANTICS, FileRecord, Manifest
from desire_edge.scalars import SCALARS
from desire_edge.training.prior.scalars import CAUTIOUS

FOLDER = Path(__file__).parent
D, HIDDEN, WIDTH = 6, 5, 7  # of z, of W_Z, of the extractor's hidden layer
PRIOR_D = 5  # of z before the head prior; its names have D
BUNDLES = ("plain", "known", "prior", "sparse")
PRIOR = ("prior", "sparse")
"""Those of the head prior; `sparse` takes its texts by the words they hold."""
BASE_LABELS = ("cooking", "music", "programming", "travel")
VOCABULARY = (
    "bread", "oven", "jazz", "trumpet", "linux", "kernel", "c++", "rome", "train", "naïve", "dont", "42", "旅行",
)  # fmt: skip
WORDS = (
    "the", "of", "and", "bread", "baking", "jazz", "music", "open", "source", "c", "web", "design", "linux", "travel",
    "book", "books", "naïve", "e-mail", "c++", "2007", "旅行", "rail", "road", "trumpet",
)  # fmt: skip


def numbers(name: str, *shape: int, scale: float = 1.0) -> NDArray[np.float32]:
    """Numbers of about `scale` that depend on the name alone, on any machine."""
    count = int(np.prod(shape))
    direction = seeded_direction(name, max(2, count))[:count]
    return np.float32(scale * np.sqrt(count) * direction).reshape(shape)


def tiny_lexicon(path: Path) -> None:
    """Two sources, of which the second knows every other word; `book` and `books` have one vector."""
    rows = np.arange(len(WORDS))
    rows[WORDS.index("books")] = WORDS.index("book")
    first = Source("first", WORDS, rows, numbers("lexicon.first", len(WORDS), 2), 3.0)
    second_words = tuple(word for word in WORDS[::2] if word != "book")
    second = numbers("lexicon.second", len(second_words), D - 2)
    build_lexicon([first, Source("second", second_words, np.arange(len(second_words)), second, 2.0)], path)


def tiny_semantics(*, known_labels: bool) -> PaperSemantics:
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
    return PaperSemantics.of(arrays)


COVERAGE = (
    Coverage(0.8, 0.25, -1.5, ((1, -0.25), (2, 0.5))),
    Coverage(0.9, -0.5, None, ((1, -1.0), (3, -0.5))),
    Coverage(0.95, None, None, ((2, -2.5),)),
)
"""What the bundles of the head prior state; made up."""


def prior_semantics() -> PriorSemantics:
    """The head prior, which uses known labels; its names are of another space than its features."""
    base = len(BASE_LABELS)
    arrays = {
        "name_mean": numbers("name_mean", D, scale=0.1),
        "name_map": numbers("name_map", PRIOR_D, D, scale=0.5),
        "r": numbers("r", PRIOR_D, base),
        "base_bias": numbers("base_bias", base),
        "inference": numbers("inference", base, D, scale=0.5),
        "scalars": np.array([CAUTIOUS.get(name, 0.0) for name in SCALARS], np.float32),
        "threshold_weights": np.array([0.1, -0.2, 0.3, 0.4, -0.5], np.float32),
    }
    return PriorSemantics.of(arrays, known_labels=True)


def tiny_extractor(bundle: str = "plain") -> Extractor:
    """F of a bundle."""
    prior = bundle in PRIOR  # whose features are the last hidden layer, without a projection
    backbone = Mlp(len(VOCABULARY), [WIDTH, PRIOR_D] if prior else [WIDTH], 0.0)
    extractor = Extractor(backbone, None if prior else D, centred=prior).eval()
    if extractor.centre is not None:
        extractor.centre.copy_(torch.from_numpy(numbers("centre", PRIOR_D, scale=0.1)))
    names = ("layers.0.weight", "layers.0.bias", "layers.3.weight", "layers.3.bias")
    with torch.no_grad():
        for name, parameter in zip(names, extractor.parameters(), strict=True):
            parameter.copy_(torch.from_numpy(numbers(f"extractor.{name}", *parameter.shape)))
    return extractor


def make_bundle(folder: Path) -> None:
    """Write the whole bundle that `folder` is called after, of tiny sizes, into it."""
    name = folder.name
    folder.mkdir(parents=True, exist_ok=True)
    options = ExportOptions(ways=4, batch=1, max_support=6)
    semantics = prior_semantics() if name in PRIOR else tiny_semantics(known_labels=name == "known")
    graph = extractor_graph(tiny_extractor(name), len(VOCABULARY), options.batch, options.opset)
    if name == "sparse":
        graph = by_words(graph, "fp32")
    write_graphs(folder, graph, semantics, options)
    (folder / SEMANTICS).write_bytes(semantics.serialize())
    tiny_lexicon(folder / LEXICON)
    hidden, kappa = 0, 0.0
    if isinstance(semantics, PaperSemantics):
        hidden, of_w_z = HIDDEN, (semantics.w1, semantics.b1, semantics.w2, semantics.b2)
        kappa = conditioning(np.eye(D), *(array.astype(np.float64) for array in of_w_z))
    manifest = Manifest(
        name=name,
        dimension=len(semantics.w_base),
        head=semantics.KIND,
        hidden=hidden,
        ways=options.ways,
        batch=options.batch,
        max_support=options.max_support,
        opset=options.opset,
        base_labels=BASE_LABELS,
        known_labels=semantics.known_labels,
        input=WordsInput(VOCABULARY, sparse=name == "sparse"),
        names="lexicon",
        name_dimension=D,
        precision="fp32",
        conditioning=kappa,
        training={"about": "golden vectors: not trained"},
        files={name: FileRecord.of(folder / name) for name in FILES},
        coverage=COVERAGE if name in PRIOR else (),
    )
    write_json(folder / MANIFEST, manifest.to_json())


def x_of(text: str) -> NDArray[np.float64]:
    words = set(tokenize(text))
    return np.array([float(word in words) for word in VOCABULARY])
