"""What `info` says a bundle's files hold, held to onnx's and safetensors' own readers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import Result
from onnx import numpy_helper
from safetensors.numpy import load_file
from trained import Trained

from desire_edge import Bundle, DesireEdgeError
from desire_edge.export.graphs import extractor_graph
from desire_edge.export.precision import in_precision
from desire_edge.runtime.contents import bundle_contents, file_arrays


@pytest.fixture(scope="module")
def quantised(sample_trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extractor with integers of several kinds."""
    path = tmp_path_factory.mktemp("contents") / "base.onnx"
    run = sample_trained.run
    graph = extractor_graph(run.extractor.cpu().eval(), run.data.x.shape[1], 1, 18)
    batches = [{"x": x} for x in run.data.x[:16, None]]
    onnx.save(in_precision(graph, "int8", lambda: iter(batches)), path)
    return path


def test_arrays_of_a_graph_are_those_that_onnx_reads(quantised: Path, sample_trained: Trained) -> None:
    for path in (quantised, sample_trained.bundle / "base.onnx", sample_trained.bundle / "head.onnx"):
        expected = {entry.name: numpy_helper.to_array(entry) for entry in onnx.load(path).graph.initializer}
        found = {array.name: array for array in file_arrays(path)}
        assert set(found) == set(expected)
        for name, array in expected.items():
            held = found[name]
            assert (held.dtype, held.shape, held.bytes) == (array.dtype.name, array.shape, array.nbytes)


@pytest.mark.parametrize("name", ["semantics.safetensors", "lexicon.safetensors"])
def test_arrays_of_a_safetensors_file_are_those_it_holds(name: str, sample_trained: Trained) -> None:
    expected = load_file(sample_trained.bundle / name)
    found = file_arrays(sample_trained.bundle / name)
    assert {array.name for array in found} == set(expected)
    for array in found:
        held = expected[array.name]
        assert (array.dtype, array.shape, array.bytes) == (held.dtype.name, held.shape, held.nbytes)


def test_every_file_is_weighed_and_arrays_account_for_nearly_all(sample_trained: Trained) -> None:
    contents = bundle_contents(Bundle.open(sample_trained.bundle))
    on_disk = {path.name: path.stat().st_size for path in sample_trained.bundle.iterdir()}
    assert {file.name: file.bytes for file in contents} == on_disk
    assert sum(file.share for file in contents) == pytest.approx(1)
    assert [file.bytes for file in contents] == sorted(on_disk.values(), reverse=True)
    for file in contents:
        assert file.purpose, file.name
        held = sum(array.bytes for array in file.arrays)
        assert held <= file.bytes
        if file.bytes > 50_000 and file.name != "manifest.json":
            assert held > 0.8 * file.bytes, file.name


@pytest.mark.parametrize("cut", [1, 2, 7, 30, 100])
def test_a_graph_that_breaks_off_is_refused(cut: int, quantised: Path, tmp_path: Path) -> None:
    path = tmp_path / "base.onnx"
    path.write_bytes(quantised.read_bytes()[:-cut])
    with pytest.raises(DesireEdgeError, match=r"base\.onnx cannot be read: "):
        file_arrays(path)


def test_no_bytes_bring_the_reader_down(tmp_path: Path) -> None:
    random, path = np.random.default_rng(0), tmp_path / "base.onnx"
    for _ in range(300):
        path.write_bytes(b"\x3a" + random.bytes(int(random.integers(1, 40))))
        try:
            file_arrays(path)
        except DesireEdgeError as error:
            assert "cannot be read" in str(error)


def test_info_says_what_a_bundle_weighs_and_why(cli: Callable[..., Result], sample_trained: Trained) -> None:
    shown = cli("info", sample_trained.bundle).output
    assert "words and their vectors" in shown
    assert "100.0" in shown
    value = json.loads(cli("info", sample_trained.bundle, "--json").stdout)
    by_name = {file["name"]: file for file in value["contents"]}
    assert by_name["base.onnx"]["bytes"] == value["files"]["base.onnx"]["bytes"]
    assert {"name", "dtype", "shape", "bytes"} == set(by_name["base.onnx"]["arrays"][0])
