"""What export gives phones and minimal builds: the ORT format, and a verdict on their accelerators."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from trained import Trained

from desire_edge import Bundle, DesireEdgeError
from desire_edge.export import ExportOptions, export_bundle
from desire_edge.export.mobile import GRAPHS, OPERATORS, ORT_FILES, mobile_usability, write_ort


@pytest.fixture(scope="module", params=["fp32", "int8"])
def bundle(
    request: pytest.FixtureRequest, sample_trained: Trained, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A bundle of raw text, zipped, in two precisions."""
    path = tmp_path_factory.mktemp("mobile") / "tagger.desire"
    export_bundle(sample_trained.run, path, ExportOptions(precision=request.param, zipped=True))
    return path


def test_ort_files_are_the_graphs_that_onnx_runtime_runs(bundle: Path, tmp_path: Path) -> None:
    write_ort(bundle, tmp_path / "ort")
    assert sorted(path.name for path in (tmp_path / "ort").iterdir()) == sorted(ORT_FILES)
    opened = Bundle.open(bundle)
    random = np.random.default_rng(0)
    for name in GRAPHS:
        plain = onnxruntime.InferenceSession(opened.path / name)
        converted = onnxruntime.InferenceSession((tmp_path / "ort" / name).with_suffix(".ort"))
        inputs = {
            value.name: random.normal(size=[3 if isinstance(size, str) else size for size in value.shape])
            for value in plain.get_inputs()
        }
        inputs |= {
            key: (inputs[key] > 0).astype(float) for key in ("x", "targets", "mask", "used") if key in inputs
        }
        inputs = {key: values.astype(np.float32) for key, values in inputs.items()}
        for expected, found in zip(plain.run(None, inputs), converted.run(None, inputs), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_the_operators_file_names_those_of_the_graphs(bundle: Path, tmp_path: Path) -> None:
    write_ort(bundle, tmp_path / "ort")
    content = (tmp_path / "ort" / OPERATORS).read_text()
    precision = Bundle.open(bundle).manifest.precision
    products = {
        "fp32": "com.microsoft;1;FusedGemm",
        "int8": "com.microsoft;1;FusedGemm,MatMulIntegerToFloat,QGemm",
    }
    assert products[precision] in content
    assert 'Sigmoid{"inputs": {"0": ["float"]}}' in content
    assert "tmp" not in content


def test_an_earlier_ort_folder_is_replaced_and_any_other_refused(bundle: Path, tmp_path: Path) -> None:
    write_ort(bundle, tmp_path / "ort")
    write_ort(bundle, tmp_path / "ort")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(DesireEdgeError, match="mine exists and holds other files; choose another --ort"):
        write_ort(bundle, tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_every_graph_has_a_verdict_for_every_accelerator(bundle: Path) -> None:
    found = mobile_usability(bundle)
    assert set(found) == set(GRAPHS)
    for verdicts in found.values():
        assert set(verdicts) == {"NNAPI", "CoreML NeuralNetwork", "CoreML MLProgram"}
        assert set(verdicts.values()) <= {"YES", "MAYBE", "NO"}


def test_the_verdict_is_that_of_the_checker_itself(bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    from onnxruntime.tools.mobile_helpers.usability_checker import analyze_model

    logger, opened = logging.getLogger("verdict"), Bundle.open(bundle)
    with caplog.at_level(logging.INFO, "verdict"):
        analyze_model(opened.path / "base.onnx", logger=logger)
    said = [message for message in caplog.messages if " as is: " in message]
    found = mobile_usability(bundle)["base.onnx"]
    assert said == [
        f"Model should perform well with {title} as is: {verdict}" for title, verdict in found.items()
    ]


def test_export_refuses_an_ort_folder_within_the_bundle(
    refused: Callable[..., str], sample_trained: Trained, tmp_path: Path
) -> None:
    out = tmp_path / "tagger.desire"
    line = refused("export", sample_trained.run.folder, "--out", out, "--ort", out / "ort")
    assert "lie in each other; choose another --ort" in line
    assert not out.exists()


def test_export_refuses_an_ort_folder_of_other_files_before_it_writes(
    refused: Callable[..., str], sample_trained: Trained, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    out = tmp_path / "tagger.desire"
    refused("export", sample_trained.run.folder, "--out", out, "--ort", tmp_path / "mine")
    assert not out.exists()
