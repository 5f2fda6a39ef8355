"""What the settings leave open about the extractor, settled by the data and the backbone."""

from __future__ import annotations

from pathlib import Path

from desire_edge.data import Dataset
from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.sources import DEFAULT_SOURCES
from desire_edge.models.backbones import efficientnet, words
from desire_edge.models.backbones.frozen import FrozenStage
from desire_edge.models.backbones.options import BackboneOptions
from desire_edge.models.backbones.stages import MLP
from desire_edge.training.config import DEFAULT_HIDDEN, TrainConfig

FROM_BACKBONE = {"batches": 150, "learning_rate": 1e-4}
"""Of meta-training that starts from the backbone, where nothing is asked: it has little to learn, and much to lose."""


def lexicon_sources(config: TrainConfig, dataset: Dataset) -> tuple[str, ...]:
    """Where label vectors come from: as asked, or the static lexicon.

    The paper's head has the word vectors it was tuned with where F is an MLP, which is what vectors get.
    """
    if config.lexicon.sources is not None:
        return config.lexicon.sources
    if config.head == "prior":
        return ("static",)
    backbone = config.extractor.backbone
    if backbone == MLP or (backbone == "auto" and dataset.features is not None):
        return DEFAULT_SOURCES
    return ("static",)


def backbone_of(config: TrainConfig, dataset: Dataset, lexicon: Path) -> str:
    """The backbone that the settings ask for, or that suits the data and the run's `lexicon`."""
    if config.extractor.backbone != "auto":
        return config.extractor.backbone
    if dataset.texts is not None and Lexicon.open(lexicon).static:
        return words.NAME
    return MLP if dataset.images is None else efficientnet.NAME


def backbone_options(config: TrainConfig, dataset: Dataset, lexicon: Path) -> BackboneOptions:
    """What the settings and the data say of it, and the run's lexicon."""
    said = config.extractor
    vector = None if dataset.features is None else dataset.features.shape[1]
    return BackboneOptions(said.image_size, said.image_mean, said.image_std, said.image_crop, vector, lexicon)


def settled(config: TrainConfig, dataset: Dataset, backbone: str, stage: FrozenStage | None) -> TrainConfig:
    """`config` with the backbone, the projection and the layers that are trained.

    Where F starts as the identity, nothing of it is trained, so nothing is cross-fitted; W_Z has two units a dimension,
    and W_base is not the names' vectors.

    Raises:
        DesireEdgeError: a backbone that takes other input than the data have, or that has no names for the identity.
    """
    said = config.extractor
    if stage is not None:
        _check_kind(stage, dataset)
    projection, prior = said.projection, config.head == "prior"
    if projection == "auto":
        as_they_are = stage is not None and (stage.names or (prior and not said.hidden))
        projection = "identity" if as_they_are else "learned"
    if projection == "identity" and (stage is None or not (stage.names or prior)):
        raise DesireEdgeError(
            f"extractor.projection=identity needs a backbone whose names live among its features, and "
            f"{backbone} has none; use learned"
        )
    update = {
        "backbone": backbone,
        "projection": projection,
        "hidden": said.hidden if said.hidden is not None else (DEFAULT_HIDDEN if stage is None else ()),
    }
    if projection == "learned":
        return config.model_copy(update={"extractor": said.model_copy(update=update)})
    assert stage is not None
    if said.hidden:
        raise DesireEdgeError(
            "extractor.hidden are layers to train; the identity has none, use projection=learned"
        )
    extractor = said.model_copy(update=update | {"label_weights": "learned", "label_bias": True})
    if prior:
        meta = config.meta.model_copy(update={"folds": 0})
        return config.model_copy(update={"extractor": extractor, "meta": meta})
    asked = config.meta.model_fields_set
    meta = config.meta.model_copy(
        update={name: value for name, value in FROM_BACKBONE.items() if name not in asked}
        | {"folds": 0, "hidden": 2 * stage.width}
    )
    return config.model_copy(update={"extractor": extractor, "meta": meta})


def _check_kind(stage: FrozenStage, dataset: Dataset) -> None:
    has = "text" if dataset.texts is not None else "vector" if dataset.features is not None else "image"
    takes = {"tokens": "text", "lexicon": "text"}.get(stage.input.kind, stage.input.kind)
    if has != takes:
        raise DesireEdgeError(
            f"the backbone {stage.name} takes {takes}s, but {dataset.name} holds {has}s; choose another --backbone"
        )
    if (
        takes == "vector"
        and dataset.features is not None
        and stage.input.features != dataset.features.shape[1]
    ):
        raise DesireEdgeError(
            f"the backbone {stage.name} takes vectors of {stage.input.features} numbers, but those of {dataset.name} "
            f"have {dataset.features.shape[1]}"
        )
