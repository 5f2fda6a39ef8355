"""What a run trains on: features, targets, label vectors, splits. Made from the data set and the configuration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from desire_edge.data import Dataset, LabelSplit, ProtocolRows, protocol_rows, split_labels
from desire_edge.lexicon import Lexicon, tokenize
from desire_edge.models import Extractor
from desire_edge.runtime.features import InputSpec
from desire_edge.training.config import ExtractorConfig, TrainConfig


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set made ready for one run.

    Attributes:
        x: [rows, features] float32.
        input: how x comes from raw input.
        embedding: [features, d] float32, the fixed first layer of F for raw text; None for vectors.
        w: [d, labels] float32, the lexicon's vectors of all labels.
        warnings: what the lexicon says of the labels' names.
    """

    dataset: Dataset
    x: NDArray[np.float32]
    input: InputSpec
    embedding: Tensor | None
    w: NDArray[np.float32]
    split: LabelSplit
    rows: ProtocolRows
    warnings: tuple[str, ...]


def prepare(config: TrainConfig, dataset: Dataset, lexicon: Lexicon) -> Prepared:
    """Lay out `dataset` for a run under `config`."""
    rows = protocol_rows_of(config, dataset)
    embedding: Tensor | None = None
    if dataset.texts is not None:
        spec, embedding = bag_of_words(
            [dataset.texts[row] for row in rows.train.tolist()], lexicon, config.text.vocabulary
        )
        x = np.stack([spec.features_of(text, f"text {i}").x for i, text in enumerate(dataset.texts)])
    else:
        assert dataset.features is not None, "a data set has texts or features"
        x = dataset.features
        names = dataset.feature_names
        spec = InputSpec("bag-of-words" if names else "vector", x.shape[1], names)
    matrix = lexicon.label_matrix(dataset.labels)
    split = split_labels(len(dataset.labels), config.seed, config.label_sizes)
    return Prepared(dataset, x, spec, embedding, matrix.vectors, split, rows, matrix.warnings)


def new_extractor(config: ExtractorConfig, data: Prepared) -> Extractor:
    """F before training, for these data; torch's seed sets its weights."""
    return Extractor(
        data.x.shape[1],
        config.hidden,
        len(data.w),
        config.dropout,
        data.embedding,
        input_dropout=config.input_dropout,
    )


def protocol_rows_of(config: TrainConfig, dataset: Dataset) -> ProtocolRows:
    """Which rows the run sees, and where support and query come from."""
    return protocol_rows(dataset, config.protocol, hold_out=config.hold_out, seed=config.seed)


def bag_of_words(texts: list[str], lexicon: Lexicon, size: int) -> tuple[InputSpec, Tensor]:
    """The vocabulary of raw text and its fixed embedding [features, d]: each word's vector times its idf.

    The words of the training `texts` come first, by the number of texts that hold them, then the lexicon's most
    frequent words, `size` in all: a device meets words that no training text held. The idf is log((1 + n) / (1 + df)).
    """
    document_frequency: dict[str, int] = {}
    for text in texts:
        for word in set(tokenize(text)):
            document_frequency[word] = document_frequency.get(word, 0) + 1
    known = [word for word in document_frequency if word in lexicon]
    known.sort(key=lambda word: (-document_frequency[word], word))
    # Only words that a text can produce: the lexicon also holds punctuation and forms the tokenizer splits.
    common = (word for word in lexicon.words_by_rank(2 * size) if tokenize(word) == [word])
    vocabulary = list(dict.fromkeys([*known, *common]))[:size]
    idf = [math.log((1 + len(texts)) / (1 + document_frequency.get(word, 0))) for word in vocabulary]
    vectors = lexicon.word_vectors(vocabulary) * np.asarray(idf, np.float32)[:, None]
    return InputSpec("bag-of-words", len(vocabulary), tuple(vocabulary)), torch.from_numpy(vectors)


def lexicon_path(run: Path) -> Path:
    """Where a run keeps the lexicon it trained with: export copies it into the bundle unchanged."""
    return run / "lexicon.safetensors"
