"""What the README says is so: its snippet runs, its figures are the measured ones, its commands and files exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import own_data_page
import pytest
from trained import Trained

from desire_edge.cli import main
from desire_edge.evaluation.comparison.plan import PUBLISHED_AUC

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_snippets_run(
    sample_trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tagger.desire").symlink_to(sample_trained.bundle)
    first, of_users = blocks("python")
    assert len(first.strip().splitlines()) <= 12
    variables: dict[str, Any] = {}
    exec(first, variables)
    assert (tmp_path / "taught" / "model.onnx").is_file()
    exec(of_users, variables)
    assert {path.name for path in (tmp_path / "users/17").iterdir()} == {
        "task.json", "task.onnx_adapter", "task.safetensors",
    }  # fmt: skip
    assert [len(row) for row in variables["rows"]] == [3, 3]


def test_what_a_user_waits_for_is_as_measured() -> None:
    metrics = json.loads((ROOT / "benchmarks/results/device.json").read_text())["metrics"]
    section = README.partition("## What a user waits for")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| .*<!-- (\w+) --> \| ([\d.,]+)", section, re.MULTILINE))
    assert len(rows) >= 8
    for name, said in rows.items():
        figure, digits = said.replace(",", ""), len(said.partition(".")[2])
        assert figure == f"{metrics[name]:.{digits}f}", name


def test_the_clients_snippets_are_those_that_their_own_tests_run() -> None:
    (script,) = blocks("js")
    assert script in (ROOT / "desire_edge/clients/web/README.md").read_text(encoding="utf-8")
    (build,) = (block for block in blocks("sh") if "DESIRE_EDGE_BUILD_CLIENT" in block)
    their_own = (ROOT / "desire_edge/clients/cpp/README.md").read_text(encoding="utf-8")
    for command in (line.partition(" # ")[0].strip() for line in build.splitlines()):
        assert command in their_own


def options(command: click.Command) -> set[str]:
    """Every option of a command and of the commands in it."""
    found = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    if not isinstance(command, click.Group):
        return found
    context = click.Context(command)
    inner = [command.get_command(context, name) for name in command.list_commands(context)]
    return found.union(*(options(each) for each in inner if each is not None))


def test_every_command_and_option_named_exists() -> None:
    lines = re.findall(r"^(?:desire-edge|`desire-edge) ([^#\n]*)", "\n".join(blocks("sh")), re.MULTILINE)
    assert len(lines) >= 6
    for line in lines:
        words = line.split()
        command: click.Command = main
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words.pop(0))
            assert found is not None, line
            command = found
        assert {word for word in words if word.startswith("--")} <= options(command)
    assert set(re.findall(r"`(--[a-z-]+)", README)) <= options(main) | {"--help"}


def test_the_metadata_shown_is_valid() -> None:
    (lines,) = blocks("json")
    assert all("file_name" in json.loads(line) for line in lines.splitlines())


def test_the_figures_on_delicious_are_the_measured_ones() -> None:
    metrics = json.loads((ROOT / "benchmarks/results/table1.json").read_text())["metrics"]
    sizes = ("5w0s", "5w1s", "5w5s", "10w1s", "10w5s")
    for protocol in ("label-disjoint", "example-disjoint"):
        for row in ("prior", "best", "logistic_cosine"):
            (line,) = re.findall(rf"^\| `{protocol}` .*<!-- {row} -->.*\|$", README, re.MULTILINE)
            names = [f"{protocol.replace('-', '_')}_{size}_{row}_micro_auc" for size in sizes]
            expected = [f"{metrics[name]:.3f}" for name in names if name in metrics]
            assert len(expected) >= 4 and re.findall(r"0\.\d{3}", line) == expected
    assert f"| {' | '.join(f'{figure / 100:.3f}' for figure in PUBLISHED_AUC['desire-net'])} |" in README
    supervised = [metrics[f"example_disjoint_{size}_supervised_micro_auc"] for size in sizes[1:]]
    low, high = re.findall(
        r"seen every training page of the novel labels reaches ([\d.]+) to ([\d.]+) there", README
    )[0]
    assert (low, high) == (f"{min(supervised):.3f}", f"{max(supervised):.3f}")
    gains = [
        metrics[f"example_disjoint_{size}_micro_f1"] - metrics[f"example_disjoint_{size}_micro_f1_half"]
        for size in sizes[1:]
    ]
    assert (round(100 * min(gains)), round(100 * max(gains))) == (10, 15)
    known = [metrics[f"known_tags_5w{shots}s_micro_auc"] for shots in (1, 5)]
    assert [round(figure, 2) for figure in known] == [0.89, 0.93]


def test_the_figures_of_the_papers_head_are_the_measured_ones() -> None:
    metrics = json.loads((ROOT / "benchmarks/results/default.json").read_text())["metrics"]
    assert metrics["parity_max_error"] <= 1e-5
    precision = json.loads((ROOT / "benchmarks/results/precision.json").read_text())["metrics"]
    assert precision["int8_auc_loss_points"] < 0.05  # "less than 0.05 points of AUC"
    assert precision["int8_extractor_fraction"] < 0.27  # "a quarter of the bytes"
    assert precision["int8_extractor_us"] < precision["fp32_extractor_us"] / 2  # "twice as fast"
    assert metrics["example_disjoint_train_seconds"] <= 600  # the protocol of `train` and the demo


def test_the_figures_of_own_data_are_the_measured_ones() -> None:
    result = json.loads((ROOT / "benchmarks/results/own_data.json").read_text())
    metrics = result["metrics"]
    for row in own_data_page.TITLES:
        (line,) = re.findall(rf"^\| .*<!-- {row} -->.*\|$", README, re.MULTILINE)
        expected = [
            f"{metrics[f'{row}_5w5s_{method}_micro_auc']:.3f}"
            for method in ("ours", "logistic_cosine", "logistic", "ridge", "tfidf", "cosine")
            if f"{row}_5w5s_{method}_micro_auc" in metrics
        ]
        assert re.findall(r"0\.\d{3}", line) == expected, row
    margins = {
        name: value
        for name, value in metrics.items()
        if "_ours_minus_" in name and not name.endswith("_half_width")
    }
    frozen = [value for name, value in margins.items() if "_mlp_" not in name]
    assert min(frozen) >= 0  # "ahead of every one of them in all 24 cells"
    best = [
        value for name, value in margins.items() if re.search(r"(?<!mlp)_\d+w\ds_.*_logistic_cosine$", name)
    ]
    assert len(best) == 24
    assert round(100 * max(best)) == 4  # "by up to 4 points of the best of them"
    behind_mlp = [value for name, value in margins.items() if name.startswith("sample_mlp_")]
    assert round(-100 * min(behind_mlp)) == 2  # "by up to 2 points"
    assert (ROOT / "docs/own-data.md").read_text(encoding="utf-8") == own_data_page.page(result)
    card = (ROOT / "docs/lexicon.md").read_text(encoding="utf-8")
    for shots in (0, 1, 5):
        assert f"{metrics[f'static_sample_5w{shots}s_micro_auc']:.3f}".lstrip("0") in card
    assert metrics["static_lexicon_bytes"] <= 6e6  # "5.8 MB"


def test_the_figures_of_the_head_prior_are_the_measured_ones() -> None:
    metrics = json.loads((ROOT / "benchmarks/results/own.json").read_text())["metrics"]
    assert metrics["prior_5w5s_ms"] < 0.1
    assert metrics["prior_over_sgd_speedup_5w5s"] > 8
    assert metrics["prior_over_logistic_speedup_5w5s"] > 80
    (said,) = re.findall(r"none of (\d+) cells\s+with all targets known is significantly below", README)
    assert (int(said), 0) == (
        metrics["cells_full_targets"],
        metrics["cells_significantly_below_best_baseline"],
    )
    for before, metric, digits in (
        (r"is ([\d.]+) points at one or two", "median_margin_1_to_2_shots", 1),
        (r"a label and ([\d.]+) at five", "median_margin_5_shots", 1),
        (r"targets are known the margin is ([\d.]+) points", "median_margin_half_targets", 1),
        (r"one of its labels ([\d.]+)\.", "median_margin_single_positive_targets", 1),
    ):
        assert re.findall(before, README) == [f"{100 * metrics[metric]:.{digits}f}"], metric
    assert re.findall(r"probabilities are off by ([\d.]+)", README) == [f"{metrics['ece_5w5s']:.2f}"]
    assert re.findall(r"logistic \+ cosine: ([\d.]+)\)", README) == [f"{metrics['ece_lr_cos_5w5s']:.2f}"]


def test_the_figures_of_stated_coverages_are_the_measured_ones() -> None:
    metrics = json.loads((ROOT / "benchmarks/results/coverage.json").read_text())["metrics"]
    pattern = r"(\d+) to (\d+) % of the true labels, those that state 90 % held (\d+) to (\d+) %"
    (said,) = re.findall(pattern, README)
    held = [
        [value for name, value in metrics.items() if name.endswith(f"_{level}_full_realised")]
        for level in (80, 90)
    ]
    assert [int(number) for number in said] == [
        round(100 * end(values)) for values in held for end in (min, max)
    ]


def test_files_and_targets_named_exist() -> None:
    pages = ("README.md", "docs/*.md", "docs/*/*.md", "examples/*/README.md", "tests/*/README.md")
    for page in (path for pattern in pages for path in ROOT.glob(pattern)):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make (demo|test-all|test-gpu|test|format)\b", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
