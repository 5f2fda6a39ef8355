"""What of a run's settings stands behind a figure, such that figures on record outlive settings that come later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desire_edge.models.backbones.stages import MLP
from desire_edge.training.config import TrainConfig, load_config

LATER: Mapping[str, tuple[str, ...]] = {
    "": ("head", "maps", "words", "test", "columns", "base_labels", "novel_labels"),
    "extractor": (
        "backbone",
        "projection",
        "train_backbone",
        "backbone_epochs",
        "backbone_learning_rate",
        "image_size",
        "image_mean",
        "image_std",
        "image_crop",
    ),
}
"""Settings, by section, that there were not yet when the first figures went on record."""


def settings_of(config: TrainConfig) -> dict[str, Any]:
    """The settings of a run as JSON values; of the paper's head without those of `LATER` that change nothing.

    Before these there was that head alone, on an MLP, and a data set's own columns and split: a setting that says so
    is left out. Runs of the head `prior` have all.
    """
    settings: dict[str, Any] = config.model_dump(mode="json")
    if config.head != "paper":
        return settings
    mlp = {"extractor": {"backbone": MLP, "projection": "learned"}}
    before = load_config(None, (), mlp, recipe="paper").model_dump(mode="json")
    for section, names in LATER.items():
        here, there = (settings, before) if not section else (settings[section], before[section])
        for name in names:
            if here[name] == there[name]:
                del here[name]
    return settings
