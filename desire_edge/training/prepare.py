"""What a run trains on: features, targets, label vectors, splits. Made from the data set and the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from desire_edge.inputs import InputSpec, LexiconInput, RawInput, TokensInput, VectorInput, WordsInput
from desire_edge.inputs.vocabulary import bag_of_words
from desire_edge.lexicon import Lexicon
from desire_edge.models import Extractor, Mlp
from desire_edge.models.backbones.frozen import FrozenStage
from desire_edge.training.config import DEFAULT_HIDDEN, TrainConfig
from desire_edge.training.features import raw_input
from desire_edge.training.names import EncodedNames


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set made ready for one run.

    Attributes:
        x: [rows, features] float32: what the part that is trained takes, of a frozen stage its features, and then
            `hashed` words.
        input: how x comes from raw input, or what the frozen stage takes.
        embedding: [features, d] float32, the fixed first layer of F for raw text; None for vectors and features.
        w: [d, labels] float32, the vectors of all labels.
        warnings: what the data set's reader says of it, and the lexicon of the labels' names.
        stage: the frozen stage; None where all of F is trained.
        mean: [features] float32, of the features of the rows that training sees; None without a frozen stage.
        hashed: how many of x's last columns are words hashed beside a frozen stage's features.
        idf: [words] float32, the weights of x's last columns where they are words that are features, too; else None.
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
    hashed: int = 0
    idf: Tensor | None = None

    @property
    def dense(self) -> NDArray[np.float32]:
        """[rows, features] float32, x without the hashed words."""
        return self.x[:, : self.x.shape[1] - self.hashed]

    def without_words(self) -> Prepared:
        """The same where words are no features."""
        spec = replace(self.input, hashed=0) if isinstance(self.input, LexiconInput) else self.input
        return replace(self, x=self.dense, input=spec, hashed=0, idf=None)

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
    hashed: NDArray[np.float32] | None = None,
) -> Prepared:
    """Lay out `dataset` for a run under `config`.

    Args:
        config: the run's.
        dataset: its data.
        lexicon: of the labels' names.
        stage: what is frozen, if anything.
        features: its features [rows, width].
        hashed: [rows, words], the words beside them, if they are to be features, too.
    """
    rows, split = protocol_rows_of(config, dataset), label_split_of(config, dataset)
    spec: InputSpec
    if stage is not None:
        assert features is not None, "a frozen stage has features"
        encodes = stage.names and isinstance(stage.input, TokensInput)
        names = EncodedNames(stage, [dataset.labels[index] for index in split.base]) if encodes else None
        matrix = (names or lexicon).label_matrix(dataset.labels)
        spec, idf = stage.input, None
        if hashed is not None:
            # Those of a lexicon's input are weighted by how rare its words are.
            weighted = isinstance(spec, LexiconInput)
            idf = torch.ones(hashed.shape[1]) if weighted else idf_of(hashed[rows.train])
            spec = replace(spec, hashed=hashed.shape[1]) if isinstance(spec, LexiconInput) else spec
        return Prepared(
            dataset=dataset,
            x=features if hashed is None else np.concatenate([features, hashed], axis=1),
            input=spec,
            embedding=None,
            w=matrix.vectors,
            split=split,
            rows=rows,
            warnings=(*dataset.warnings, *matrix.warnings),
            stage=stage,
            mean=torch.from_numpy(features[rows.train].mean(axis=0, dtype=np.float64).astype(np.float32)),
            names=names,
            hashed=0 if hashed is None else hashed.shape[1],
            idf=idf,
        )
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
    counted = isinstance(spec, WordsInput) and (config.words == "on" or x.shape[1] <= MOST_WORDS)
    idf = idf_of(x[rows.train]) if counted and words_wanted(config) else None
    return Prepared(dataset, x, spec, embedding, matrix.vectors, split, rows, warnings, idf=idf)


MOST_WORDS = 2048
"""Of a bag, that are features unless they are asked for: each costs every user two numbers a label."""


def words_wanted(config: TrainConfig) -> bool:
    """Whether words are to be features, too, where the data have any."""
    return config.head == "prior" and config.words != "off"


def idf_of(x: NDArray[np.float32]) -> Tensor:
    """ln((1 + n) / (1 + n_w)) of each word [words], of x [n, words] of which n_w have it."""
    there = (x != 0).sum(axis=0)
    return torch.from_numpy(np.log((1 + len(x)) / (1 + there)).astype(np.float32))


def new_extractor(settings: TrainConfig, data: Prepared) -> Extractor:
    """F before training, for these data; torch's seed sets its weights."""
    config, prior = settings.extractor, settings.head == "prior"
    as_they_are = prior and config.projection == "identity"
    backbone = Mlp(
        data.dense.shape[1],
        DEFAULT_HIDDEN if config.hidden is None else config.hidden,
        config.dropout,
        data.embedding,
        input_dropout=0.0 if data.stage else config.input_dropout,  # a pretrained feature is no word
        mean=None if as_they_are else data.mean,
    )
    return Extractor(backbone, None if as_they_are else len(data.w), centred=prior, idf=data.idf)


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
