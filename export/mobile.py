"""What phones and minimal builds of ONNX Runtime want to know of a bundle, by ONNX Runtime's own tools."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_folder
from desire_edge.runtime.bundle import Bundle
from desire_edge.runtime.manifest import ADAPT, BASE, HEAD

from .precision import quiet

GRAPHS = (BASE, HEAD, ADAPT)

OPERATORS = "required_operators_and_types.config"
ORT_FILES = (*(Path(name).with_suffix(".ort").name for name in GRAPHS), OPERATORS)


def mobile_usability(bundle: Path) -> dict[str, dict[str, str]]:
    """The verdict of ONNX Runtime's mobile usability checker: each graph's name, then each accelerator, then YES,
    MAYBE or NO, whether it is worth trying there in place of the CPU.
    """
    from onnxruntime.tools.mobile_helpers import usability_checker
    from onnxruntime.tools.onnx_model_utils import ModelProtoWithShapeInfo, optimize_model

    def coreml(operators: str) -> Callable[[Any], Any]:
        return lambda model: usability_checker.check_coreml_partitions(model, True, operators)

    accelerators = {
        "NNAPI": lambda model: usability_checker.check_nnapi_partitions(model, True),
        "CoreML NeuralNetwork": coreml("coreml_supported_neuralnetwork_ops.md"),
        "CoreML MLProgram": coreml("coreml_supported_mlprogram_ops.md"),
    }
    opened = Bundle.open(bundle)
    verdicts = {}
    with TemporaryDirectory(prefix="desire-edge-") as folder:
        for name in GRAPHS:
            optimized = Path(folder) / name
            optimize_model(opened.path / name, optimized)  # as the checker does first
            model = ModelProtoWithShapeInfo(optimized).model_with_shape_info
            verdicts[name] = {title: check(model).suitability().name for title, check in accelerators.items()}
    return verdicts


def write_ort(bundle: Path, out: Path) -> None:
    """Write the graphs of `bundle` in ORT format to the folder `out`, and the operators and types they need.

    A minimal build reads no other format. The file that names the operators is what ONNX Runtime's build takes as
    `--include_ops_by_config`.
    """
    from onnxruntime.tools.convert_onnx_models_to_ort import OptimizationStyle, convert_onnx_models_to_ort

    check_ort_folder(out, bundle)
    opened = Bundle.open(bundle)
    with TemporaryDirectory(prefix="desire-edge-") as name, atomic_folder(out) as folder:
        for graph in GRAPHS:
            shutil.copyfile(opened.path / graph, Path(name) / graph)
        with quiet():
            convert_onnx_models_to_ort(
                Path(name), folder, [OptimizationStyle.Fixed], enable_type_reduction=True
            )
        lines = (folder / OPERATORS).read_text(encoding="utf-8").splitlines(keepends=True)
        # Its comments name this machine's folders.
        kept = "".join(line for line in lines if not line.startswith("#"))
        (folder / OPERATORS).write_text(kept, encoding="utf-8")


def check_ort_folder(out: Path, bundle: Path) -> None:
    """Refuse to replace a folder that holds anything but an earlier `write_ort`, or to write into the bundle."""
    if out.resolve().is_relative_to(bundle.resolve()) or bundle.resolve().is_relative_to(out.resolve()):
        raise DesireEdgeError(f"--ort {out} and the bundle {bundle} lie in each other; choose another --ort")
    found = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if (out.exists() and not out.is_dir()) or not found <= set(ORT_FILES):
        raise DesireEdgeError(f"{out} exists and holds other files; choose another --ort, or remove it")
