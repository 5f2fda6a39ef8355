"""A pretrained backbone tuned on the base labels: it learns them, goes on where it was stopped, and is frozen then."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from desire_edge import DesireEdgeError
from desire_edge.data import Dataset, load_dataset, load_files
from desire_edge.export import export_bundle
from desire_edge.models.backbones.frozen import GRAPH
from desire_edge.models.backbones.options import BackboneOptions
from desire_edge.models.backbones.stages import build_stage
from desire_edge.training.config import ExtractorConfig, load_config
from desire_edge.training.run import Run
from desire_edge.training.stages import train
from desire_edge.training.tune import CHECKPOINT, tuner

RNG = np.random.default_rng(0)
ROWS, LABELS = 96, 12
CONFIG = ExtractorConfig(
    train_backbone=True, backbone_epochs=4, backbone_learning_rate=0.02, learning_rate=0.02
)
RUN = (
    'lexicon.sources=["glove-50"]', "lexicon.max_mb=1",
    "extractor.train_backbone=true", "extractor.backbone_learning_rate=0.01", "extractor.epochs=1",
    "label_sizes=[6, 3, 3]", "meta.batches=2", "meta.folds=0", "meta.inner_steps=1", "meta.ways=[2, 3]",
    "meta.shots=[1, 2]", "meta.queries=1", "meta.hidden=16", "validation_tasks=2", "validate_every=2",
)  # fmt: skip


class Net(nn.Module):
    """A user's own: of vectors or of pictures."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 8, 3)
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.1), nn.Tanh())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.layers(x if x.ndim == 2 else self.conv(x).mean(dim=(2, 3)))
        return made


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "my_package", sys.modules[__name__])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """Each label is a direction."""
    x = RNG.normal(size=(ROWS, 8))
    carried = x @ RNG.normal(size=(8, LABELS)) > 1
    rows = [
        {"vector": row.tolist(), "labels": [f"label {label}" for label in np.flatnonzero(has)]}
        for row, has in zip(x, carried, strict=True)
    ]
    path = tmp_path / "vectors.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def tune_of(
    dataset: Dataset, folder: Path, losses: list[int] | None = None, stop: int | None = None
) -> BackboneOptions:
    def report(done: int, total: int) -> None:
        if losses is not None:
            losses.append(total)
        if done == stop:
            raise KeyboardInterrupt

    rows = np.flatnonzero(~dataset.test_rows)
    base = np.arange(6)
    tune = tuner(CONFIG, dataset, rows, base, folder, seed=3, device=torch.device("cpu"), report=report)
    width = None if dataset.features is None else dataset.features.shape[1]
    return BackboneOptions(vector=width, image_size=None if width else 16, tune=tune)


def history(folder: Path) -> list[float]:
    from desire_edge.training.checkpoint import load_checkpoint

    return [entry["loss"] for entry in load_checkpoint(folder / CHECKPOINT)[1].history[1:]]


def test_the_base_labels_are_learned_and_the_features_change(vectors: Path, tmp_path: Path) -> None:
    dataset = load_files(vectors)
    build_stage("module:my_package.Net", tmp_path / "frozen", BackboneOptions(vector=8))
    build_stage("module:my_package.Net", tmp_path / "tuned", tune_of(dataset, tmp_path))
    first, *_, last = history(tmp_path)
    assert last < 0.9 * first
    assert (tmp_path / "frozen" / GRAPH).read_bytes() != (tmp_path / "tuned" / GRAPH).read_bytes()


@pytest.mark.parametrize("stop", [1, 2, 4])
def test_one_that_was_stopped_goes_on_to_the_same(stop: int, vectors: Path, tmp_path: Path) -> None:
    dataset = load_files(vectors)
    rows = int((~dataset.test_rows).sum())
    build_stage("module:my_package.Net", tmp_path / "whole", tune_of(dataset, tmp_path / "a"))
    with pytest.raises(KeyboardInterrupt):
        build_stage(
            "module:my_package.Net", tmp_path / "parts", tune_of(dataset, tmp_path / "b", stop=stop * rows)
        )
    assert len(history(tmp_path / "b") if stop > 1 else []) == stop - 1
    build_stage("module:my_package.Net", tmp_path / "parts", tune_of(dataset, tmp_path / "b"))
    assert (tmp_path / "whole" / GRAPH).read_bytes() == (tmp_path / "parts" / GRAPH).read_bytes()
    assert history(tmp_path / "a") == history(tmp_path / "b")


def test_what_was_kept_of_other_data_does_not_count(vectors: Path, tmp_path: Path) -> None:
    dataset = load_files(vectors)
    other = replace(dataset, source="other")
    done: list[int] = []
    build_stage("module:my_package.Net", tmp_path / "a", tune_of(other, tmp_path))
    build_stage("module:my_package.Net", tmp_path / "b", tune_of(dataset, tmp_path, done))
    assert done, "it began anew"
    done.clear()
    build_stage("module:my_package.Net", tmp_path / "c", tune_of(dataset, tmp_path, done))
    assert not done, "it was finished"


def test_pictures_go_through_their_own_preprocessing(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    lines = []
    for number in range(32):
        red = number % 2 == 0
        pixels = RNG.integers(0, 60, (20 + number % 5, 24, 3), np.uint8)
        pixels[..., 0] += 190 if red else 0
        Image.fromarray(pixels).save(folder / f"{number}.png")
        labels = ["red"] if red else ["dark"]
        lines.append(
            json.dumps({"file_name": f"{number}.png", "labels": [*labels, *(f"l{i}" for i in range(4))]})
        )
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    stage = build_stage("module:my_package.Net", tmp_path / "tuned", tune_of(load_files(folder), tmp_path))
    assert stage is not None
    first, *_, last = history(tmp_path)
    assert last < 0.9 * first


def test_a_run_tunes_first_and_exports(vectors: Path, tmp_path: Path) -> None:
    settings = (*RUN, f"data={vectors}", "extractor.backbone=module:my_package.Net")
    seen: list[tuple[int, int]] = []
    run = Run.create(
        tmp_path / "run",
        load_config(None, settings),
        torch.device("cpu"),
        tuning=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (2 * len(run.data.rows.train),) * 2
    assert not (tmp_path / "run" / CHECKPOINT).exists()
    train(run, lambda *_: None)
    record = run.record()["backbone"]["parts"][-1]
    assert record["role"] == "tuned on 6 base labels"
    manifest, _ = export_bundle(Run.open(tmp_path / "run", torch.device("cpu")), tmp_path / "mine.desire")
    assert manifest.training["backbone"]["parts"][-1] == record


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mlp", "the backbone mlp is trained anyway"),
        ("identity", "the backbone identity has nothing to train"),
        ("words", "the backbone words has nothing to train"),
        ("onnx:mine.onnx", "is an ONNX file, which cannot be trained; name its torch module"),
    ],
)
def test_what_cannot_be_tuned_is_refused(name: str, reason: str, vectors: Path, tmp_path: Path) -> None:
    with pytest.raises(DesireEdgeError, match=reason):
        build_stage(name, tmp_path / "stage", tune_of(load_files(vectors), tmp_path))


def test_diverging_is_said(vectors: Path, tmp_path: Path) -> None:
    dataset = load_files(vectors)
    config = CONFIG.model_copy(update={"backbone_learning_rate": 1e30, "learning_rate": 1e30})
    rows = np.flatnonzero(~dataset.test_rows)
    tune = tuner(config, dataset, rows, np.arange(6), tmp_path, seed=0, device=torch.device("cpu"))
    with pytest.raises(DesireEdgeError, match="diverged; use a smaller"):
        build_stage("module:my_package.Net", tmp_path / "stage", BackboneOptions(vector=8, tune=tune))


@pytest.mark.slow
def test_minilm_is_tuned_on_texts(tmp_path: Path) -> None:
    sample = load_dataset("sample")
    assert sample.texts is not None
    some = slice(0, 48)
    dataset = replace(
        sample, texts=sample.texts[some], targets=sample.targets[some], test_rows=sample.test_rows[some]
    )
    rows, base = np.arange(40), np.flatnonzero(dataset.targets.any(axis=0))[:8]
    config = ExtractorConfig(train_backbone=True, backbone_epochs=1)
    tune = tuner(config, dataset, rows, base, tmp_path, seed=0, device=torch.device("cpu"))
    frozen = build_stage("minilm", tmp_path / "frozen", BackboneOptions())
    tuned = build_stage("minilm", tmp_path / "tuned", BackboneOptions(tune=tune))
    assert frozen is not None
    assert tuned is not None
    a, b = (stage.features(list(dataset.texts[:4])) for stage in (frozen, tuned))  # type: ignore[index]
    np.testing.assert_allclose(np.linalg.norm(b, axis=1), 1, atol=1e-5)
    assert 1e-4 < np.abs(a - b).max() < 0.2
