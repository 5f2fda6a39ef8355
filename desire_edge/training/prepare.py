"""What a run trains on: features, targets, label vectors, splits. Made from the data set and the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from desire_edge.data import (
    Dataset,
    LabelSplit,
    ProtocolRows,
    given_labels,
    load_dataset,
    protocol_rows,
    split_labels,
)
from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import InputSpec, VectorInput, WordsInput
from desire_edge.inputs.vocabulary import bag_of_words
from desire_edge.lexicon import Lexicon
from desire_edge.models import Extractor, Mlp
from desire_edge.training.config import ExtractorConfig, TrainConfig


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set made ready for one run.

    Attributes:
        x: [rows, features] float32.
        input: how x comes from raw input.
        embedding: [features, d] float32, the fixed first layer of F for raw text; None for vectors.
        w: [d, labels] float32, the lexicon's vectors of all labels.
        warnings: what the data set's reader says of it, and the lexicon of the labels' names.
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
    spec: InputSpec
    embedding: Tensor | None = None
    if dataset.texts is not None:
        spec, vectors = bag_of_words(
            [dataset.texts[row] for row in rows.train.tolist()], lexicon, config.text.vocabulary
        )
        embedding = torch.from_numpy(vectors)
        x = np.stack([spec.features_of(text, f"text {i}").x for i, text in enumerate(dataset.texts)])
    else:
        if dataset.features is None:
            raise DesireEdgeError(f"{dataset.name} holds pictures, which this model cannot be trained on")
        x = dataset.features
        names = dataset.feature_names
        spec = WordsInput(names) if names else VectorInput(x.shape[1])
    matrix = lexicon.label_matrix(dataset.labels)
    warnings = (*dataset.warnings, *matrix.warnings)
    return Prepared(
        dataset, x, spec, embedding, matrix.vectors, label_split_of(config, dataset), rows, warnings
    )


def new_extractor(config: ExtractorConfig, data: Prepared) -> Extractor:
    """F before training, for these data; torch's seed sets its weights."""
    backbone = Mlp(
        data.x.shape[1], config.hidden, config.dropout, data.embedding, input_dropout=config.input_dropout
    )
    return Extractor(backbone, len(data.w))


def protocol_rows_of(config: TrainConfig, dataset: Dataset) -> ProtocolRows:
    """Which rows the run sees, and where support and query come from."""
    return protocol_rows(dataset, config.protocol, hold_out=config.hold_out, seed=config.seed)


def load_data(config: TrainConfig, data_dir: Path | None) -> Dataset:
    """The data set of the run."""
    return load_dataset(config.data, data_dir, config.columns.columns(), config.test)


def label_split_of(config: TrainConfig, dataset: Dataset) -> LabelSplit:
    """Which labels are base, validation and novel."""
    if config.base_labels is None and config.novel_labels is None:
        return split_labels(len(dataset.labels), config.seed, config.label_sizes)
    return given_labels(dataset.labels, config.seed, config.base_labels, config.novel_labels)


def lexicon_path(run: Path) -> Path:
    """Where a run keeps the lexicon it trained with: export copies it into the bundle unchanged."""
    return run / "lexicon.safetensors"
