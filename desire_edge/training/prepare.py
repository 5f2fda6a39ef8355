"""What a run trains on: features, targets, label vectors, splits. Made from the data set and the configuration."""

from __future__ import annotations

from collections.abc import Sequence
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
from desire_edge.inputs import InputSpec, RawInput, TokensInput, VectorInput, WordsInput
from desire_edge.inputs.vocabulary import bag_of_words
from desire_edge.lexicon import Lexicon
from desire_edge.models import Extractor, Mlp
from desire_edge.models.backbones.frozen import FrozenStage
from desire_edge.training.config import DEFAULT_HIDDEN, ExtractorConfig, TrainConfig
from desire_edge.training.features import raw_input
from desire_edge.training.names import EncodedNames


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set made ready for one run.

    Attributes:
        x: [rows, features] float32: what the part that is trained takes, of a frozen stage its features.
        input: how x comes from raw input, or what the frozen stage takes.
        embedding: [features, d] float32, the fixed first layer of F for raw text; None for vectors and features.
        w: [d, labels] float32, the vectors of all labels.
        warnings: what the data set's reader says of it, and the lexicon of the labels' names.
        stage: the frozen stage; None where all of F is trained.
        mean: [features] float32, of the features of the rows that training sees; None without a frozen stage.
        names: the labels' vectors through the stage's own encoder; None where they are the lexicon's.
        shared_space: whether features and labels' vectors are of one space.
    """

    dataset: Dataset
    x: NDArray[np.float32]
    input: InputSpec
    embedding: Tensor | None
    w: NDArray[np.float32]
    split: LabelSplit
    rows: ProtocolRows
    warnings: tuple[str, ...]
    stage: FrozenStage | None = None
    mean: Tensor | None = None
    names: EncodedNames | None = None

    @property
    def shared_space(self) -> bool:
        """Whether features and labels' vectors are of one space."""
        return self.stage is not None and self.stage.names

    def raws(self, rows: Sequence[int] | NDArray[np.int64]) -> list[RawInput]:
        """What a device is given of these rows: x, or what a frozen stage takes."""
        if self.stage is None:
            return list(self.x[rows])
        return [raw_input(self.dataset, int(row)) for row in rows]


def prepare(
    config: TrainConfig,
    dataset: Dataset,
    lexicon: Lexicon,
    stage: FrozenStage | None = None,
    features: NDArray[np.float32] | None = None,
) -> Prepared:
    """Lay out `dataset` for a run under `config`, with the `features` [rows, width] of its frozen `stage`, if any."""
    rows, split = protocol_rows_of(config, dataset), label_split_of(config, dataset)
    if stage is not None:
        assert features is not None, "a frozen stage has features"
        encodes = stage.names and isinstance(stage.input, TokensInput)
        names = EncodedNames(stage, [dataset.labels[index] for index in split.base]) if encodes else None
        matrix = (names or lexicon).label_matrix(dataset.labels)
        return Prepared(
            dataset=dataset,
            x=features,
            input=stage.input,
            embedding=None,
            w=matrix.vectors,
            split=split,
            rows=rows,
            warnings=(*dataset.warnings, *matrix.warnings),
            stage=stage,
            mean=torch.from_numpy(features[rows.train].mean(axis=0, dtype=np.float64).astype(np.float32)),
            names=names,
        )
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
            raise DesireEdgeError(
                f"{dataset.name} holds pictures, which the backbone mlp does not take; use efficientnet-lite0, or your "
                "own with onnx:FILE"
            )
        x = dataset.features
        spec = WordsInput(dataset.feature_names) if dataset.feature_names else VectorInput(x.shape[1])
    matrix = lexicon.label_matrix(dataset.labels)
    warnings = (*dataset.warnings, *matrix.warnings)
    return Prepared(dataset, x, spec, embedding, matrix.vectors, split, rows, warnings)


def new_extractor(config: ExtractorConfig, data: Prepared) -> Extractor:
    """F before training, for these data; torch's seed sets its weights."""
    backbone = Mlp(
        data.x.shape[1],
        DEFAULT_HIDDEN if config.hidden is None else config.hidden,
        config.dropout,
        data.embedding,
        input_dropout=0.0 if data.stage else config.input_dropout,  # a pretrained feature is no word
        mean=data.mean,
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
