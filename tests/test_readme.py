"""What the README says is so: its snippet runs, its figures are the measured ones, its commands and files exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import own_data_page
import pytest
from trained import Trained

from desire_edge.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_snippet_runs(
    sample_trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tagger.desire").symlink_to(sample_trained.bundle)
    (snippet,) = blocks("python")
    assert len(snippet.strip().splitlines()) <= 12
    variables: dict[str, object] = {}
    exec(snippet, variables)
    assert (tmp_path / "taught" / "model.onnx").is_file()


def test_the_clients_snippets_are_those_that_their_own_tests_run() -> None:
    (script,) = blocks("js")
    assert script in (ROOT / "desire_edge/clients/web/README.md").read_text(encoding="utf-8")
    (build,) = (block for block in blocks("sh") if "DESIRE_EDGE_BUILD_CLIENT" in block)
    their_own = (ROOT / "desire_edge/clients/cpp/README.md").read_text(encoding="utf-8")
    for command in (line.partition(" # ")[0].strip() for line in build.splitlines()):
        assert command in their_own


def options(command: click.Command) -> set[str]:
    """Every option of a command and of the commands in it."""
    found = {option for parameter in command.params for option in parameter.opts}
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    return found.union(*map(options, inner))


def test_every_command_and_option_named_exists() -> None:
    lines = re.findall(r"^(?:desire-edge|`desire-edge) ([^#\n]*)", "\n".join(blocks("sh")), re.MULTILINE)
    assert len(lines) >= 6
    for line in lines:
        words = line.split()
        command: click.Command = main
        while isinstance(command, click.Group):
            command = command.commands[words.pop(0)]
        assert {word for word in words if word.startswith("--")} <= options(command)
    assert set(re.findall(r"`(--[a-z-]+)", README)) <= options(main) | {"--help"}


def test_the_metadata_shown_is_valid() -> None:
    (lines,) = blocks("json")
    assert all("file_name" in json.loads(line) for line in lines.splitlines())


def test_the_figures_are_the_measured_ones() -> None:
    metrics = json.loads((ROOT / "benchmarks/results/default.json").read_text())["metrics"]
    for protocol in ("label-disjoint", "example-disjoint"):
        (row,) = re.findall(rf"^\| `{protocol}`.*\|$", README, re.MULTILINE)
        prefix = protocol.replace("-", "_")
        names = ("5w1s_zero_shot_micro_auc", "5w1s_micro_auc", "5w5s_micro_auc")
        expected = [f"{metrics[f'{prefix}_{name}']:.3f}" for name in names]
        assert re.findall(r"0\.\d{3}", row) == expected
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
    ahead = [value for name, value in metrics.items() if name.endswith("ours_minus_logistic_cosine")]
    assert round(-100 * min(ahead)) == 8  # "by up to 8 points"
    assert (ROOT / "docs/own-data.md").read_text(encoding="utf-8") == own_data_page.page(result)
    card = (ROOT / "docs/lexicon.md").read_text(encoding="utf-8")
    for shots in (0, 1, 5):
        assert f"{metrics[f'static_sample_5w{shots}s_micro_auc']:.3f}".lstrip("0") in card
    assert metrics["static_lexicon_bytes"] <= 6e6  # "5.8 MB"


def test_files_and_targets_named_exist() -> None:
    pages = ("README.md", "docs/*.md", "docs/*/*.md", "examples/*/README.md", "tests/*/README.md")
    for page in (path for pattern in pages for path in ROOT.glob(pattern)):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make (demo|test-all|test-gpu|test|format)\b", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
