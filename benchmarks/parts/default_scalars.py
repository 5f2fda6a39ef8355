"""The default scalars of the head `prior`, judged by the worst case: every corpus is left out of their choice in turn.

Nothing is learned from folds here: the closed form is fitted, the scalars are what the choice says, and the margin is
that over logistic regression + cosine, tuned on validation labels as in the benchmark. Scalars are chosen on validation
labels with rows held out, of all corpora but one; novel labels of that one then say what the choice is worth.
"""

from __future__ import annotations

import itertools
import math
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from desire_edge.baselines import LogisticCosine, PlainData
from desire_edge.data import EpisodeSampler, ProtocolRows
from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.own.measure import measure_plain
from desire_edge.evaluation.own.plan import OwnPlan, world_name
from desire_edge.evaluation.own.scores import tasks_of_cell
from desire_edge.evaluation.tuning import HeldOut, choose
from desire_edge.metrics import Estimate, micro_auc
from desire_edge.scalars import SCALARS
from desire_edge.training.device import one_thread
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.prior.closed_form import fit
from desire_edge.training.prior.learner import PriorLearner, Terms
from desire_edge.training.prior.scalars import CAUTIOUS, cautious
from desire_edge.training.run import Run
from parts.part import Measured

CELLS = ((2, 5), (5, 1), (5, 5), (5, 20), (10, 1), (10, 5), (20, 1), (20, 5))
"""Ways and shots."""
TASKS, TUNED = 60, 30
"""A cell and seed, of up to ten ways, that are measured, and that the baseline is tuned on."""
OFF = -30.0
"""Of a trust, in nats: it counts for nothing."""
GRID: dict[str, tuple[float, ...]] = {
    "names": (1.2, 1.5, 1.8),
    "base": (OFF, -1.0, -0.5, 0.0, 0.4),
    "neighbours": (OFF, -0.6, 0.0, 0.5),
}
ANCHOR = {"names": math.log(4), "base": math.log(0.5), "neighbours": 0.0}
"""Names weigh 4, what the baseline with an offset tries first; what base labels say of a name weighs half of what its
scale suggests, for base labels of another corpus may say little; being alike by them weighs 1.
"""
TOLERANCE = 0.003
"""What the worst cell may lose, as a share of 1: the project's goal, and about what a cell's interval leaves open."""

Setting = tuple[float, ...]  # a value of each of GRID
Array = NDArray[np.float64]


def family(corpus: str) -> str:
    """The data that a corpus' features are of: those of one are left out together."""
    return corpus.partition("/")[0]


@dataclass(frozen=True)
class Side:
    """Tasks of one size over some labels of a corpus under a label seed.

    Attributes:
        corpus, size: of `CORPORA`, and as in 5w1s.
        base_labels: how many the closed form knows.
        terms: the tasks', their query rows repeated to as many as the longest has.
        wanted: the targets of each task's query rows, [Q, N].
        baseline: micro AUC of logistic regression + cosine, a task.
    """

    corpus: str
    size: str
    base_labels: int
    terms: Terms
    wanted: tuple[NDArray[np.bool_], ...]
    baseline: Array

    @torch.no_grad()
    def margin(self, setting: Setting) -> Array:
        """Ours less the baseline, a task."""
        logits = PriorLearner.logits(self.terms, scalars_of(setting, self.base_labels))
        scores = logits[:, self.terms.mask.shape[1] :].numpy()
        aucs = [
            micro_auc(wanted, found[: len(wanted)]) for wanted, found in zip(self.wanted, scores, strict=True)
        ]
        return np.array(aucs) - self.baseline


def scalars_of(setting: Setting, base_labels: int) -> Tensor:
    """The default scalars [21] with those of `GRID` set."""
    scalars = cautious(base_labels)
    for name, value in zip(GRID, setting, strict=True):
        scalars[SCALARS.index(name)] += value - CAUTIOUS[name]
    return scalars


class View:
    """A corpus under a label seed, as the closed form and the baseline see it; nothing is trained.

    Args:
        run: whose data are meant, trained or not.
        rows: to fit on, and for tasks.
        plain: of the rows that are fitted on.
    """

    def __init__(self, run: Run, rows: ProtocolRows, plain: PlainData) -> None:
        data = run.data
        z = torch.from_numpy(plain.features["unit"])
        self.rows, self.plain = rows, plain
        self.batcher = EpisodeBatcher(z, data.dataset.targets, data.w, data.split.base)
        base = torch.from_numpy(data.split.base)
        shared = data.shared_space or set(plain.items) == {"shared"}
        self.learner = PriorLearner(z.shape[1], data.w.shape[0], len(base), shared_space=shared)
        train = torch.from_numpy(rows.train)
        fit(self.learner, z[train], self.batcher.targets[train][:, base], self.batcher.w[:, base])

    def side(
        self,
        corpus: str,
        labels: NDArray[np.int64],
        ways: int,
        shots: int,
        tasks: int,
        tuned: Mapping[str, Any],
    ) -> Side:
        """Tasks over some labels, with what the tuned baseline makes of them.

        Raises:
            DesireEdgeError: the labels or their rows are too few.
        """
        targets = self.plain.dataset.targets
        sampler = EpisodeSampler.over(self.rows, targets, labels, ways=ways, shots=shots, eligible_only=False)
        sampler.check()
        scores = measure_plain(self.plain, sampler, "full", tasks, tuned, (LogisticCosine(),))
        episodes = [episode for episode, _ in tasks_of_cell(sampler, targets, "full", tasks)]
        most = max(len(episode.query) for episode in episodes)
        with torch.no_grad():
            batch = self.batcher.stack([replace(e, query=np.resize(e.query, most)) for e in episodes])
            terms = self.learner.terms(batch)
        return Side(
            corpus,
            f"{ways}w{shots}s",
            self.learner.r.shape[1],
            terms,
            tuple(targets[np.ix_(episode.query, episode.labels)] for episode in episodes),
            np.array(scores[LogisticCosine.NAME].micro_auc),
        )


def same_features(plain: PlainData) -> PlainData:
    """The data with the same features for ours and the baseline.

    Where F would be trained on named words, these are the mean vectors of an item's words, which nothing is fitted to.
    """
    if "words" not in plain.features:
        return plain
    words, shared = plain.features["words"], plain.items["shared"]
    return replace(plain, features={"unit": words}, items={"shared": shared})


@one_thread()
def sides(
    run: Run,
    corpus: str,
    *,
    novel: bool,
    sizes: Sequence[tuple[int, int]] = CELLS,
    tasks: int = TASKS,
) -> Iterator[Side]:
    """Every size of tasks over the validation labels, rows held out, or over the novel ones, as the labels allow."""
    data, held_out = run.data, HeldOut.of(run)
    held_out = replace(held_out, data=same_features(held_out.data))
    if novel:
        view = View(run, data.rows, same_features(PlainData.of(data, run.lexicon, data.rows.train)))
    else:
        view = View(run, held_out.rows, held_out.data)
    labels = data.split.novel if novel else data.split.validation
    for ways, shots in sizes:
        count = max(10, tasks * 10 // max(10, ways))
        with warnings.catch_warnings():  # that a corpus has few validation labels is known
            warnings.simplefilter("ignore", UserWarning)
            chosen = choose(run, held_out, ways, shots, TUNED, baselines=(LogisticCosine(),))["chosen"]
        tuned = {name: choice["setting"] for name, choice in chosen.items()}
        try:
            yield view.side(corpus, labels, ways, shots, count, tuned)
        except DesireEdgeError:  # too few labels or rows for this size
            continue


def run_of(runs: Path, corpus: str, seed: int, temporary: Path) -> Run:
    """The benchmark's run of a corpus and seed, for its data alone; where there is none, an untrained one."""
    folder, device = runs / "runs" / world_name(corpus, seed), torch.device("cpu")
    if (folder / "config.json").is_file():
        return Run.open(folder, device)
    return Run.create(temporary / world_name(corpus, seed), OwnPlan().config(corpus, seed), device)


def careful(settings: Sequence[Setting], margins: Array) -> Setting:
    """The setting nearest to `ANCHOR` among those whose worst cell is within `TOLERANCE` of the best there is.

    Names count first, for both methods rest on them. The plain best would follow the noise, and the likeness, of few
    corpora.

    Args:
        settings: S of them.
        margins: [S, cells], the mean of each.
    """
    worst = margins.min(axis=1)
    near = [setting for setting, low in zip(settings, worst, strict=True) if low >= worst.max() - TOLERANCE]

    def distance(setting: Setting) -> tuple[float, float]:
        apart = [abs(value - ANCHOR[name]) for name, value in zip(GRID, setting, strict=True)]
        return apart[0], float(np.square(apart[1:]).sum())

    return min(near, key=distance)


def leave_one_out(settings: Sequence[Setting], margins: Mapping[str, Array]) -> dict[str, Setting]:
    """What is chosen without each family, from the margins [S, cells] of the others."""
    return {
        out: careful(settings, np.hstack([found for name, found in margins.items() if name != out]))
        for out in margins
    }


class Pooled:
    """Margins [settings, tasks] by corpus and size, the tasks of all label seeds together."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[Array]] = {}

    def add(self, side: Side, settings: Sequence[Setting]) -> None:
        """The tasks of one more seed."""
        margins = np.stack([side.margin(setting) for setting in settings])
        self._found.setdefault((side.corpus, side.size), []).append(margins)

    def cells(self, families: Sequence[str]) -> dict[str, list[Estimate]]:
        """The estimates [settings] of each cell of these families, by name."""
        return {
            f"{corpus} {size}": [Estimate.of(row.tolist()) for row in np.concatenate(parts, axis=1)]
            for (corpus, size), parts in self._found.items()
            if family(corpus) in families
        }

    def means(self, families: Sequence[str]) -> Array:
        """[settings, cells]."""
        cells = self.cells(families).values()
        return np.array([[estimate.mean for estimate in cell] for cell in cells]).T


def measure(runs: Path, corpora: Sequence[str], seeds: Sequence[int], *, novel: bool = True) -> Measured:
    """Choose without each family of corpora in turn, and say what the choice, and the shipped default, are worth there.

    Args:
        runs: the benchmark's folder, where finished runs spare computing features again; nothing is written there.
        corpora: of `CORPORA`; of two families at least.
        seeds: of the label splits.
        novel: also look at the novel labels of the family left out. Without, the choice can be worked on.
    """
    settings = list(itertools.product(*GRID.values()))
    shipped = tuple(CAUTIOUS[name] for name in GRID)
    families = list(dict.fromkeys(map(family, corpora)))
    with tempfile.TemporaryDirectory() as temporary:
        validation = Pooled()
        for corpus, seed in itertools.product(corpora, seeds):
            for side in sides(run_of(runs, corpus, seed, Path(temporary)), corpus, novel=False):
                validation.add(side, [shipped, *settings])
        chosen = leave_one_out(settings, {name: validation.means([name])[1:] for name in families})
        of_all = careful(settings, validation.means(families)[1:])
        unseen = Pooled()
        for corpus, seed in itertools.product(corpora, seeds if novel else ()):
            for side in sides(run_of(runs, corpus, seed, Path(temporary)), corpus, novel=True):
                unseen.add(side, [chosen[family(corpus)], shipped])
    metrics, details = dict[str, float](), dict[str, Any]()
    for out in families:
        rest = [name for name in families if name != out]
        place = 1 + settings.index(chosen[out])
        details[out] = {
            "chosen": dict(zip(GRID, chosen[out], strict=True)),
            "validation_worst_cell_of_the_rest": float(validation.means(rest)[place].min()),
            "validation_worst_cell": float(validation.means([out])[place].min()),
            "validation_worst_cell_shipped": float(validation.means([out])[0].min()),
        }
        if cells := unseen.cells([out]):
            metrics[f"default_worst_cell_minus_lr_cos_{out}"] = min(cell[0].mean for cell in cells.values())
            metrics[f"shipped_worst_cell_minus_lr_cos_{out}"] = min(cell[1].mean for cell in cells.values())
            details[out]["novel"] = {
                name: {"chosen": asdict(cell[0]), "shipped": asdict(cell[1])} for name, cell in cells.items()
            }
    for who in ("default", "shipped") if novel else ():
        name = f"{who}_worst_cell_minus_lr_cos"
        metrics[name] = min(value for key, value in metrics.items() if key.startswith(f"{name}_"))
    metrics["shipped_validation_worst_cell_minus_lr_cos"] = float(validation.means(families)[0].min())
    details["all"] = {
        "chosen": dict(zip(GRID, of_all, strict=True)),
        "shipped": dict(zip(GRID, shipped, strict=True)),
    }
    return Measured(metrics, {"corpora": list(corpora), "seeds": list(seeds), "left_out": details})
