"""`desire-edge benchmark own`: what it refuses, and a real one, which goes on where it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from evaluation.comparison.cases import times
from evaluation.own.cases import PLAN
from trained import Trained

from desire_edge import DesireEdgeError
from desire_edge.evaluation.own.kept import OwnKept
from desire_edge.evaluation.own.plan import OwnPlan, quick
from desire_edge.evaluation.own.runner import OwnBenchmark
from desire_edge.evaluation.own.summary import summarise
from desire_edge.files import write_json

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("--corpora", "debtags/words,sampel/words"),
            "--corpora names 'sampel/words'; choose from debtags/minilm, ",
        ),
        (
            ("--targets", "halb"),
            "--targets names 'halb'; choose from full, half, few-negatives, single, positives",
        ),
        (("--seeds", "0,x"), "--seeds is '0,x'; give whole numbers separated by commas"),
        (("--ways", "0,5"), "--ways is '0,5'; give whole numbers from 1 up, as in 2,5,10"),
        (("--shots", ""), "--shots is ''; give whole numbers from 0 up"),
        (("--out", "full"), "full is not empty; go on there with --resume, or choose another --out"),
        (("--report-only",), "no cell in runs/own is finished; give --resume in place of --report-only"),
        (("--recipe", "mine"), "there is no recipe 'mine'; choose from prior, "),
        (("--set", "meta.batchs=3"), "the training settings cannot be used: meta.batchs: "),
        (("--quick", "--corpora", "delicious/mlp"), "--quick takes corpora of words alone"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    arguments: tuple[str, ...], expected: str, refused: Refused, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    assert expected in refused("benchmark", "own", *arguments)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["full", "full/notes.txt"]


def test_an_unknown_corpus_is_refused() -> None:
    with pytest.raises(DesireEdgeError, match="there is no corpus 'mine'; choose from debtags/minilm"):
        OwnKept(Path("own"), OwnPlan(corpora=("mine",)))


def test_a_quick_one_is_of_words_and_one_seed() -> None:
    plan = quick(OwnPlan())
    assert (plan.corpora, plan.seeds) == (("debtags/words", "sample/words"), (0,))
    assert len(plan.cells()) < 40


@pytest.fixture
def folder(sample_trained: Trained, tmp_path: Path) -> Path:
    """A benchmark's folder in which a run has been put by hand, which is taken as it is."""
    shutil.copytree(sample_trained.run.folder, tmp_path / "runs/sample-words-s0")
    return tmp_path


def test_a_benchmark_makes_every_part_once_and_ours_again_where_asked(folder: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    OwnBenchmark(folder, PLAN).run(lambda *step: seen.append(step))
    cells = [cell.name for cell in PLAN.cells()]
    assert [name for name, _, _ in seen] == ["run sample-words-s0", *cells]
    assert seen[-1][1:] == (7, 7)
    summary = summarise(OwnKept(folder, PLAN))
    assert summary["missing"] == 0
    assert "too few for 30 ways" in summary["left_out"]["sample-words-s0-full-30w2s"]
    full = summary["cells"]["sample/words"]["full"]
    assert list(full["2w0s"]["rows"]) == ["ours", "cosine", "eszsl"]
    names = ["ours", "cosine", "eszsl", "centroid", "ridge", "logistic", "logistic_cosine"]
    names += ["logistic_offset", "logistic_priors", "tfidf"]
    for kind in ("full", "half"):
        cell = summary["cells"]["sample/words"][kind]["2w2s"]
        assert list(cell["rows"]) == names
        chosen = cell["seeds"]["0"]["chosen"]
        assert ("unknown" in chosen["logistic"]["setting"]) == (kind == "half")
        for row in cell["rows"].values():
            assert row["micro_auc"]["tasks"] == 4
            assert row["seconds"] > 0

    def parts() -> dict[str, int]:
        return {name: time for name, time in times(folder).items() if name.startswith(("ours", "plain"))}

    before = parts()
    OwnBenchmark(folder, PLAN).run(lambda *step: None)
    assert parts() == before
    OwnBenchmark(folder, PLAN, remeasure=True).run(lambda *step: None)
    changed = {name for name, time in parts().items() if before[name] != time}
    assert changed == {name for name in before if name.startswith("ours")}
    assert summarise(OwnKept(folder, PLAN))["cells"]["sample/words"]["full"]["2w2s"]["margin"] == (
        pytest.approx(full["2w2s"]["margin"])
    )


def test_a_run_of_other_settings_is_refused(folder: Path) -> None:
    benchmark = OwnBenchmark(folder, PLAN)
    asked = folder / "runs/sample-words-s0/asked.json"
    write_json(asked, PLAN.config("sample/words", 0).model_dump(mode="json"))
    benchmark.train("sample/words", 0).require_finished()
    write_json(asked, PLAN.config("sample/words", 1).model_dump(mode="json"))
    with pytest.raises(DesireEdgeError, match="was trained with other settings than those asked for; remove"):
        benchmark.train("sample/words", 0)


@pytest.mark.slow
def test_the_quick_command_from_end_to_end_on_two_processes(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    asked = ("benchmark", "own", "--quick", "--corpora", "sample/words", "--tasks", 4, "--out", "own")
    ran = cli(*asked, "--jobs", 2, "--json")
    assert ran.exit_code == 0, ran.output
    summary = json.loads(ran.stdout)
    assert summary == json.loads((tmp_path / "own/own.json").read_text())
    assert summary["missing"] == 0
    shown = cli(*asked, "--report-only")
    assert shown.stdout.strip() == (tmp_path / "own/own.md").read_text().strip()
    assert "## sample/words" in shown.stdout
    assert {path.name for path in (tmp_path / "own").glob("*.png")} == {
        "auc-sample-words.png",
        "margins.png",
    }
