"""A run whose texts and names are vectors by one static lexicon, from texts to an adapted model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from vectors.static_lexicon import DIM, make_static

from desire_edge import Bundle, DesireEdgeError, Predictor, Support
from desire_edge.export import ExportOptions, export_bundle
from desire_edge.inputs import LexiconInput
from desire_edge.lexicon import Lexicon
from desire_edge.training.config import load_config
from desire_edge.training.prepare import load_data
from desire_edge.training.run import Run
from desire_edge.training.settle import with_lexicon
from desire_edge.training.stages import train

SETTINGS = (
    "data=sample",
    "extractor.backbone=words",
    "meta.batches=2",
    "meta.episodes=2",
    "meta.ways=[2,2]",
    "meta.shots=[1,1]",
    "meta.queries=1",
    "meta.inner_steps=2",
    "validation_tasks=2",
)


def settings(lexicon: Path, *more: str) -> tuple[str, ...]:
    return (*SETTINGS, f'lexicon.sources=["{lexicon}"]', *more)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("words")
    make_static(folder / "static.safetensors")
    config = load_config(None, settings(folder / "static.safetensors"))
    run = Run.create(folder / "run", config, torch.device("cpu"))
    train(run, lambda *_: None)
    return run


def test_features_and_names_are_the_lexicons(run: Run) -> None:
    lexicon = Lexicon.open(run.folder / "lexicon.safetensors")
    texts = run.data.dataset.texts
    assert texts is not None and run.data.shared_space and isinstance(run.data.input, LexiconInput)
    np.testing.assert_array_equal(run.data.x[7], lexicon.text_vector(texts[7]).vector)
    np.testing.assert_array_equal(run.data.w, lexicon.label_matrix(run.data.dataset.labels).vectors)
    assert (run.config.extractor.projection, run.config.meta.hidden) == ("identity", 2 * DIM)


def test_it_goes_to_a_device_and_learns_there(run: Run, tmp_path: Path) -> None:
    manifest, parity = export_bundle(run, tmp_path / "tagger.desire")
    assert parity.worst <= 1e-5
    assert (manifest.input.kind, manifest.names) == ("lexicon", "lexicon")
    bundle = Bundle.open(tmp_path / "tagger.desire", "cpu")
    support = Support.of(["bread and baking", "jazz on a trumpet"], [["bread"], ["jazz"]])
    task = bundle.adapt(support)
    found = task.predict(["a trumpet plays jazz", "zzyzx"])
    task.save(tmp_path / "taught")
    np.testing.assert_array_equal(
        Predictor(tmp_path / "taught", "cpu").predict(["a trumpet plays jazz", "zzyzx"]), found
    )
    assert bundle.resume(tmp_path / "taught").labels == task.labels
    (tmp_path / "taught" / "lexicon.safetensors").unlink()
    with pytest.raises(DesireEdgeError, match=r"needs the file lexicon\.safetensors"):
        Predictor(tmp_path / "taught", "cpu").predict(["jazz"])


def test_fewer_words_are_chosen_before_training(run: Run, tmp_path: Path) -> None:
    with pytest.raises(DesireEdgeError, match=r"lexicon\.words=9"):
        export_bundle(run, tmp_path / "tagger.desire", replace(ExportOptions(), lexicon_words=9))
    assert not (tmp_path / "tagger.desire").exists()


def test_a_lexicon_without_texts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_text("bread 1 2\njazz 2 1\n")
    config = load_config(None, (*SETTINGS, f'lexicon.sources=["{tmp_path / "vectors.txt"}"]'))
    with pytest.raises(DesireEdgeError, match="needs a static lexicon"):
        Run.create(tmp_path / "run", config, torch.device("cpu"))
    assert not (tmp_path / "run" / "config.json").exists()


def test_the_packages_own_lexicon_is_taken_where_nothing_is_said(tmp_path: Path) -> None:
    config = load_config(None, SETTINGS)
    dataset = load_data(config, None)
    assert with_lexicon(config, dataset).lexicon.sources == ("static",)
    asked = load_config(None, (*SETTINGS, 'lexicon.sources=["glove-50"]'))
    assert with_lexicon(asked, dataset).lexicon.sources == ("glove-50",)
    assert (
        with_lexicon(load_config(None, ("data=sample",)), dataset).lexicon.sources == config.lexicon.sources
    )
