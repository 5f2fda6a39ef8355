"""ONNX Runtime's on-device training, run by the Python of its own virtual environment: `ort_server.py PROBLEM THREADS`.

PROBLEM is a folder with problem.npz. Builds the training artifacts there, then answers lines on standard input: `run`
with the seconds that all SGD steps took, `save` by writing the adapted weights to adapted.npz. Nothing is folded.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

# The package's __init__ imports torch for parts that are not used here. Without it, no torch need be installed.
training = ModuleType("onnxruntime.training")
training.__path__ = [str(Path(onnxruntime.__file__).parent / "training")]
sys.modules[training.__name__] = training
from onnxruntime.training import api, artifacts, onnxblock  # noqa: E402

Array = NDArray[np.float32]
LEARNED = ("w1", "b1", "w2", "b2", "w_i", "gamma1", "gamma2")
INPUTS = ("z", "scores", "w_novel", "targets", "weight")
EPSILON_SQUARED = np.float32(1e-12)


class GivenLoss(onnxblock.Block):  # type: ignore[misc]  # untyped
    """The loss that the forward graph ends with."""

    def build(self, loss_name: str) -> str:
        """The name of the loss."""
        return loss_name


def forward_graph(arrays: Mapping[str, Array]) -> onnx.ModelProto:
    """Eq. (1) on explicit weights and the masked loss, from primitive operators that have gradients.

    What a step does not change, the scores z W_base over their norm, is an input. The cross-entropy is
    log(1 + exp(x)) − x t, which has fewer nodes than the guarded form and is exact at the logits of these problems.
    """

    def node(kind: str, output: str, *names: str, **attributes: Any) -> onnx.NodeProto:
        return helper.make_node(kind, list(names), [output], name=output, **attributes)

    nodes = [
        node("Gemm", "hidden_in", "z", "w1", "b1"),
        node("Relu", "hidden", "hidden_in"),
        node("Gemm", "out", "hidden", "w2", "b2"),
        node("Mul", "squares", "out", "out"),
        node("ReduceSum", "square", "squares", "last_axis", keepdims=1),
        node("Add", "square_above_zero", "square", "epsilon_squared"),
        node("Sqrt", "norm", "square_above_zero"),
        node("Div", "unit", "out", "norm"),
        node("Mul", "transformed", "unit", "gamma1"),
        node("MatMul", "inferred_above", "scores", "w_i"),
        node("Mul", "inferred", "inferred_above", "gamma2"),
        node("Add", "words", "transformed", "inferred"),
        node("MatMul", "logits", "words", "w_novel"),
        node("Exp", "odds", "logits"),
        node("Add", "odds_above_one", "odds", "one"),
        node("Log", "softplus", "odds_above_one"),
        node("Mul", "hits", "logits", "targets"),
        node("Sub", "losses", "softplus", "hits"),
        node("Mul", "weighted", "losses", "weight"),
        node("ReduceSum", "loss", "weighted", keepdims=0),
    ]
    constants = [
        numpy_helper.from_array(np.array([1], np.int64), "last_axis"),
        numpy_helper.from_array(np.array([EPSILON_SQUARED], np.float32), "epsilon_squared"),
        numpy_helper.from_array(np.array([1], np.float32), "one"),
    ]
    graph = helper.make_graph(
        nodes,
        "adapt",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, arrays[name].shape) for name in INPUTS],
        [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])],
        [*(numpy_helper.from_array(arrays[name], name) for name in LEARNED), *constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    return model


def open_module(folder: Path, arrays: Mapping[str, Array], threads: int) -> tuple[api.Module, api.Optimizer]:
    """The training session of the problem, and its SGD."""
    artifacts.generate_artifacts(
        forward_graph(arrays),
        requires_grad=list(LEARNED),
        frozen_params=[],
        loss=GivenLoss(),
        optimizer=artifacts.OptimType.SGD,
        artifact_directory=str(folder),
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    state = api.CheckpointState.load_checkpoint(str(folder / "checkpoint"))
    module = api.Module(str(folder / "training_model.onnx"), state, session_options=options)
    optimizer = api.Optimizer(str(folder / "optimizer_model.onnx"), module)
    optimizer.set_learning_rate(float(arrays["step_sizes"][0, 0]))
    return module, optimizer


def main() -> None:
    """Serve."""
    folder, threads = Path(sys.argv[1]), int(sys.argv[2])
    with np.load(folder / "problem.npz") as file:
        arrays = {name: file[name] for name in file.files}
    scores = arrays["z"] @ arrays["w_base"]
    scores /= np.sqrt((scores * scores).sum(axis=1, keepdims=True) + EPSILON_SQUARED)
    arrays |= {"scores": scores, "weight": arrays["mask"] / arrays["mask"].sum()}
    module, optimizer = open_module(folder, arrays, threads)
    initial = module.get_contiguous_parameters(True)
    inputs = [onnxruntime.OrtValue.ortvalue_from_numpy(arrays[name]) for name in INPUTS]
    steps = len(arrays["step_sizes"])
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "save":
            parameters = module._state.parameters
            found = {name: parameters[name].data for name in LEARNED}
            np.savez(folder / "adapted.npz", **found)
            print("saved", flush=True)
            continue
        module.copy_buffer_to_parameters(initial, True)
        started = time.perf_counter()
        for _ in range(steps):
            module(*inputs)
            optimizer.step()
            module.lazy_reset_grad()
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
