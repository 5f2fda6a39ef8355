"""Words as features of their own: kept where they pay, gone where not, and nothing that names are compared with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from desire_edge.data import load_dataset
from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.static import STATIC
from desire_edge.models import WORDS_SHARE, centred, smooth_normalize
from desire_edge.training.config import load_config
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.folds import split_folds
from desire_edge.training.prepare import MOST_WORDS, prepare
from desire_edge.training.prior.closed_form import fit
from desire_edge.training.prior.learner import PriorLearner
from desire_edge.training.prior.words import WordsGain, gain_of_words
from desire_edge.training.run import Run
from desire_edge.training.stages import train

ROWS, D, WORDS, LABELS, BASE = 900, 12, 40, 60, 40


class Case:
    """Features that say half of what labels depend on; the words say the other half, or nothing."""

    def __init__(self, *, telling: bool) -> None:
        rng = np.random.default_rng(0)
        z, words = rng.normal(size=(ROWS, D)), rng.normal(size=(ROWS, WORDS))
        words *= 1 if telling else np.arange(WORDS) < 3  # noise that makes some alike
        means = rng.normal(size=(D, LABELS))
        scores = z @ means + (2 * words @ rng.normal(size=(WORDS, LABELS)) if telling else 0)
        self.targets: NDArray[np.bool_] = scores > np.quantile(scores, 0.8, axis=0)
        both = torch.from_numpy(np.concatenate([z, words], axis=1)).float()
        self.z = centred(both, torch.zeros(D + WORDS), WORDS)
        self.base = np.arange(BASE)
        self.batcher = EpisodeBatcher(self.z, self.targets, means.astype(np.float32), self.base)

    def gain(self, validation: NDArray[np.int64]) -> WordsGain | None:
        learner = PriorLearner(D + WORDS, D, BASE, shared_space=True, words=WORDS)
        folds = [(fold, self.z) for fold in split_folds(3, 0, "example-disjoint", self.base, np.arange(ROWS))]
        return gain_of_words(learner, self.batcher, folds, validation, seed=0)


def test_words_pay_where_they_say_what_features_do_not() -> None:
    gain = Case(telling=True).gain(np.arange(BASE, LABELS))
    assert gain is not None and gain.pays and gain.mean > 0.02 and gain.tasks > 100


def test_words_that_say_nothing_do_not_pay() -> None:
    gain = Case(telling=False).gain(np.arange(BASE, LABELS))
    assert gain is not None and not gain.pays and gain.mean < 0


def test_few_validation_labels_say_nothing_of_words() -> None:
    assert Case(telling=True).gain(np.arange(BASE, BASE + 5)) is None


@pytest.mark.parametrize("shared", [False, True])
def test_names_are_compared_with_features_alone(shared: bool) -> None:
    case = Case(telling=True)
    names = case.batcher.w[:, : len(case.base)]
    wide = PriorLearner(D + WORDS, D, BASE, shared_space=shared, words=WORDS)
    narrow = wide.without_words()
    dense = smooth_normalize(case.z[:, :D])
    targets = torch.from_numpy(case.targets[:, :BASE])
    fit(wide, case.z, targets, names)
    fit(narrow, dense, targets, names)
    assert wide.name_map is not None and not wide.name_map[D:].any()
    compared = dense if narrow.name_map is None else dense @ narrow.name_map
    torch.testing.assert_close(case.z @ wide.name_map, compared, rtol=0, atol=1e-4)


def test_the_parts_have_their_shares_and_centres() -> None:
    z = torch.randn(50, D + WORDS, generator=torch.Generator().manual_seed(0))
    z[0, D:] = 0  # a text of which no word is known
    centre = torch.randn(D + WORDS, generator=torch.Generator().manual_seed(1)) / 10
    made = centred(z, centre, WORDS)
    for part, of, share in (
        (slice(D), centre[:D], 1 - WORDS_SHARE),
        (slice(D, None), centre[D:], WORDS_SHARE),
    ):
        expected = smooth_normalize(smooth_normalize(z[:, part]) - of) * share**0.5
        torch.testing.assert_close(made[:, part], expected)
    torch.testing.assert_close(made.square().sum(dim=1), torch.ones(50))


def test_more_words_than_every_user_should_pay_for_are_left_out_unless_they_are_asked_for() -> None:
    sample, lexicon = load_dataset("sample"), Lexicon.open(STATIC)

    def idf(*settings: str) -> torch.Tensor | None:
        config = load_config(None, ("data=sample", "extractor.backbone=mlp", *settings))
        return prepare(config, sample, lexicon).idf

    few = idf("text.vocabulary=300")
    assert few is not None and len(few) == 300
    assert idf() is None
    all_words = idf("words=on")
    assert all_words is not None and len(all_words) > MOST_WORDS
    assert idf("words=on", "text.vocabulary=300", "head=paper") is None


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["words", "mlp"])
@pytest.mark.parametrize("words", ["on", "off"])
def test_a_run_with_words_is_opened_as_it_was_trained(tmp_path: Path, backbone: str, words: str) -> None:
    config = load_config(
        None,
        (
            "data=sample", f"extractor.backbone={backbone}", f"words={words}", "maps=off", "validation_tasks=3",
            *(["extractor.hidden=[16]"] if backbone == "mlp" else []), "text.vocabulary=300", "extractor.epochs=1",
            "meta.folds=0", "lexicon.words=3000", "label_sizes=[54,13,23]",
        ),
    )  # fmt: skip
    run = Run.create(tmp_path / "run", config, torch.device("cpu"))
    train(run, lambda *_: None)
    again = Run.open(tmp_path / "run", torch.device("cpu"))
    assert again.extractor.words == run.extractor.words == again.learner.words
    assert (again.extractor.words > 0) == (words == "on")
    assert again.data.x.shape == run.data.x.shape
    for name, value in run.classifier.state_dict().items():
        assert torch.equal(value, again.classifier.state_dict()[name])
