"""What a machine may lack: an ONNX Runtime, the server's packages, CUDA."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click
import onnxruntime
import pytest
import torch
from trained import Trained

import desire_edge
from desire_edge import Bundle, DesireEdgeError
from desire_edge.cli import COMMANDS, main
from desire_edge.cli.common import SERVER_PACKAGES
from desire_edge.runtime.session import choose_providers

Refused = Callable[..., str]

WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from desire_edge.cli import main
main(prog_name="desire-edge")
"""
"""Runs the command line where importing these packages fails as it does where they are not installed."""


def run_without(packages: Iterable[str], *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    code = WITHOUT.format(packages=sorted(packages))
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_adapting_without_an_onnx_runtime_says_what_to_install(
    sample_trained: Trained, tmp_path: Path
) -> None:
    arguments = ("adapt", sample_trained.bundle, "--support", sample_trained.support, "--out", "taught")
    result = run_without(["onnxruntime"], *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr == (
        "error: no ONNX Runtime can be loaded (No module named 'onnxruntime'); install one with "
        "`pip install 'desire-edge[cpu]'`, or 'desire-edge[gpu]' for CUDA\n"
    )
    assert not list(tmp_path.iterdir())


def test_predicting_without_an_onnx_runtime_says_what_to_install(
    sample_trained: Trained, tmp_path: Path
) -> None:
    Bundle.open(sample_trained.bundle).adapt(labels=["bread"]).save(tmp_path)
    result = run_without(["onnxruntime"], "predict", "model.onnx", sample_trained.query, cwd=tmp_path)
    assert result.returncode == 2
    assert "no ONNX Runtime can be loaded" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("train",),
        ("export", "--out", "x.desire"),
        ("evaluate",),
        ("benchmark", "table1", "--out", "table"),
        ("data", "info"),
        ("data", "episode", "--out", "x"),
    ],
)
def test_server_commands_on_a_device_say_what_to_install(arguments: tuple[str, ...], tmp_path: Path) -> None:
    result = run_without(SERVER_PACKAGES, *arguments, cwd=tmp_path)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert "desire-edge[train]" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        "",
        "train",
        "export",
        "adapt",
        "predict",
        "evaluate",
        "info",
        "data",
        "data info",
        "data episode",
        "benchmark",
        "benchmark table1",
    ],
)
def test_help_needs_neither_server_nor_runtime(command: str, tmp_path: Path) -> None:
    result = run_without({*SERVER_PACKAGES, "onnxruntime"}, *command.split(), "--help", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"Usage: desire-edge {command}".rstrip())


needs_no_cuda = pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA"
)
needs_no_torch_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
NO_CUDA_PROVIDER = (
    "CUDA was asked for, but this ONNX Runtime has no CUDA provider; install 'desire-edge[gpu]'"
)


@needs_no_cuda
def test_adapting_on_cuda_where_there_is_none_is_refused(
    sample_trained: Trained, refused: Refused, tmp_path: Path
) -> None:
    arguments = ("--support", sample_trained.support, "--out", "taught", "--provider", "cuda")
    assert NO_CUDA_PROVIDER in refused("adapt", sample_trained.bundle, *arguments)
    assert not list(tmp_path.iterdir())


@needs_no_cuda
def test_predicting_on_cuda_where_there_is_none_is_refused(
    sample_trained: Trained, refused: Refused, tmp_path: Path
) -> None:
    Bundle.open(sample_trained.bundle).adapt(labels=["bread"]).save(tmp_path / "taught")
    arguments = ("taught/model.onnx", sample_trained.query, "--provider", "cuda")
    assert NO_CUDA_PROVIDER in refused("predict", *arguments)


@needs_no_torch_cuda
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_torch_on_cuda_where_there_is_none_is_refused(
    command: str, sample_trained: Trained, refused: Refused, tmp_path: Path
) -> None:
    run = {"train": ("--data", "sample", "--out", "run"), "evaluate": (sample_trained.run.folder,)}
    sentence = refused(command, *run[command], "--device", "cuda")
    assert "CUDA was asked for, but torch finds no CUDA device here; use --device cpu" in sentence
    assert not list(tmp_path.iterdir())


def test_auto_takes_cuda_first_and_falls_back_to_the_cpu() -> None:
    both = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    assert choose_providers(both, "auto") == ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert choose_providers(both[2:], "auto") == ["CPUExecutionProvider"]
    assert choose_providers(both, "cpu") == ["CPUExecutionProvider"]


def test_an_unknown_provider_is_refused(sample_trained: Trained) -> None:
    with pytest.raises(DesireEdgeError, match="'tpu' is no provider; use auto, cpu or cuda"):
        Bundle.open(sample_trained.bundle, "tpu").adapt(labels=["bread"])


def test_help_imports_no_command_and_says_what_each_is_for() -> None:
    """`--help` is what everybody tries first: it starts as fast as click does."""
    code = (
        "import sys\n"
        "from desire_edge.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "slow = {'numpy', 'onnxruntime', 'rich', 'torch', 'desire_edge.runtime', 'desire_edge.inputs'}\n"
        "print(slow & set(sys.modules) or 'none')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[-1] == "none"
    for name, command in COMMANDS.items():
        assert sum(line.split() == [name, *command.says.split()] for line in lines) == 1
        found = main.get_command(click.Context(main), name)
        assert found is not None and found.name == name
    assert main.get_command(click.Context(main), "fly") is None


def test_the_packages_classes_are_found_when_they_are_asked_for() -> None:
    for name in (*desire_edge.__all__, "DesireClassifier"):
        assert name in dir(desire_edge) and getattr(desire_edge, name)
    with pytest.raises(AttributeError, match="has no attribute 'Model'"):
        getattr(desire_edge, "Model")  # noqa: B009 (mypy knows that there is none)
