"""`desire-edge benchmark table1`: what it refuses, and that it goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from evaluation.comparison.cases import times

from desire_edge.cli import main
from desire_edge.data import PROTOCOLS
from desire_edge.evaluation.comparison.plan import COLUMNS

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--methods", "maml,mamal"), "there is no method 'mamal'; choose from pretrained, maml, "),
        (("--seeds", "0,x"), "--seeds is '0,x'; give whole numbers separated by commas, as in 0,1,2"),
        (("--seeds", ""), "--seeds is ''; give whole numbers"),
        (("--seeds", "0,-1"), "--seeds is '0,-1'; give each seed once, from 0 up"),
        (("--seeds", "1,1"), "--seeds is '1,1'; give each seed once, from 0 up"),
        (("--out", "full"), "full is not empty; go on there with --resume, or choose another --out"),
        (
            ("--report-only",),
            "nothing in runs/table1 is finished with these settings; give --resume in place",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(
    arguments: tuple[str, ...], expected: str, refused: Refused, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    assert expected in refused("benchmark", "table1", *arguments)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["full", "full/notes.txt"]


def test_help_names_the_command(cli: Callable[..., Result]) -> None:
    assert "table1" in cli("benchmark", "--help").stdout
    assert "--report-only" in cli("benchmark", "table1", "--help").stdout


QUICK = (
    "benchmark", "table1", "--quick", "--data", "sample", "--tasks", 6, "--out", "table",
    "--methods", "maml,desire-net,best,all-positive,best",
    *(argument for protocol in PROTOCOLS for argument in ("--protocol", protocol)),
)  # fmt: skip


@pytest.mark.slow
def test_a_quick_comparison_is_of_one_protocol_and_seed(cli: Callable[..., Result]) -> None:
    quick = ("benchmark", "table1", "--quick", "--data", "sample", "--methods", "all-positive")
    ran = cli(*quick, "--json")
    assert ran.exit_code == 0, ran.output
    summary = json.loads(ran.stdout)
    assert summary["cells"]["all-positive"].keys() == {f"label-disjoint {n}w{k}s" for n, k in COLUMNS}

    # On an encoding without ± the report is shown all the same.
    shown = cli(*quick, "--report-only").stdout
    narrow = CliRunner(charset="koi8-r").invoke(main, [*quick, "--report-only"])
    assert (narrow.exit_code, narrow.stdout) == (0, shown.replace("±", "?")), narrow.exception
    assert narrow.stdout != shown


@pytest.mark.slow
def test_a_quick_comparison_makes_all_parts_and_resumes_without_making_any(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    ran = cli(*QUICK, "--jobs", 2, "--json")
    assert ran.exit_code == 0, ran.output
    folder = tmp_path / "table"
    worlds = ("label-disjoint-s0", "example-disjoint-s0")
    methods = ("maml", "desire-net", "best", "all-positive")
    assert {path.name for path in folder.glob("scores/*")} == {
        f"{m}-{w}.json" for m in methods for w in worlds
    }
    assert {path.name for path in folder.glob("search/*")} == {"maml.json", "desire-net.json"}
    assert {path.name for path in folder.glob("runs/*")} == {f"best-{world}" for world in worlds}
    assert {path.name for path in folder.glob("*.*")} == {
        "table1.json", "table1.md", "shots.png", "steps.png", "map.png",
        *(f"bars-{protocol}.png" for protocol in PROTOCOLS),
    }  # fmt: skip
    summary = json.loads(ran.stdout)
    assert summary == json.loads((folder / "table1.json").read_text())
    for row, columns in summary["cells"].items():
        assert columns.keys() == {f"{protocol} {n}w{k}s" for protocol in PROTOCOLS for n, k in COLUMNS}
        for cell in columns.values():
            assert cell["all"]["micro_auc"]["tasks"] == 6
            if row == "all-positive":
                assert cell["all"]["micro_auc"] == {"mean": 0.5, "half_width": 0.0, "tasks": 6}
    before = times(folder)

    parts = {name: time for name, time in before.items() if "/" in name}
    again = cli(*QUICK, "--resume", "--jobs", 1, "--json")
    assert json.loads(again.stdout) == summary
    assert {name: time for name, time in times(folder).items() if "/" in name} == parts
    shown = cli(*QUICK, "--report-only")
    assert shown.stdout.strip() == (folder / "table1.md").read_text().strip()
    assert "| DESIRE-Net |" in shown.stdout

    # More tasks: scored again with the models that are there.
    more = cli(*QUICK, "--resume", "--jobs", 1, "--tasks", 7, "--json")
    assert more.exit_code == 0, more.output
    assert json.loads(more.stdout)["cells"]["best"]["streaming 5w1s"]["all"]["micro_auc"]["tasks"] == 7
    changed = {name for name, time in times(folder).items() if "/" in name and parts[name] != time}
    assert {name.partition("/")[0] for name in changed} <= {"scores", "runs"}
    assert not {name for name in changed if name.endswith("checkpoint.safetensors")}
