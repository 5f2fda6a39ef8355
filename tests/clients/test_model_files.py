"""The models that the clients splice are Python's byte for byte, and what is no whole file they refuse in its words."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli.test_cli_bad_bundle import sign
from clients.conftest import Run
from drivers.web import Request, adapt_in_node, install_packages, program
from onnx import load_model, numpy_helper
from runtime.test_model_file import BAD, FRAGMENTS, GOOD
from test_bundle_format import in_schema
from vectors.tiny import BUNDLES, FOLDER

from desire_edge import Bundle, DesireEdgeError, Support
from desire_edge.runtime.manifest import BASE, EXTRACTOR, HEAD_FRAGMENT
from desire_edge.runtime.model_file import complete_model, standalone_model
from desire_edge.serving import page_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

EARLIER = FOLDER / "earlier" / "plain"
WEIGHTS = {
    "task.v": np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3),
    "task.γ": np.array(0.5, np.float32),
    "none": np.zeros((0, 3), np.float32),
}
METADATA = {"desire_edge.labels": '["旅行", "a\\"b"]', "long": "x" * 300}
SPLICE = """
import { readFileSync } from "node:fs";
import { completeModel, standaloneModel } from "MODULE";
const { cases, weights, metadata } = JSON.parse(readFileSync(0, "utf8"));
for (const tensor of Object.values(weights)) tensor.data = Float32Array.from(tensor.data);
const answers = cases.map((parts) => {
  try {
    const bytes = parts.map(([name, hex]) => [name, Buffer.from(hex, "hex")]);
    const made =
      bytes.length === 1 ? standaloneModel(bytes[0], weights, metadata) : completeModel(bytes, weights, metadata);
    return { model: Buffer.from(made).toString("hex") };
  } catch (error) {
    if (error.name !== "DesireEdgeError") throw error;
    return { refused: error.message, code: error.code };
  }
});
process.stdout.write(JSON.stringify(answers));
"""


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    install_packages()


def parts_of(name: str) -> dict[str, bytes]:
    """What a model is made of before schema 7, the fragment as `FRAGMENTS` has it."""
    good = (EARLIER / HEAD_FRAGMENT).read_bytes()
    return {
        EXTRACTOR: (EARLIER / EXTRACTOR).read_bytes(),
        f"tagger.desire/{HEAD_FRAGMENT}": FRAGMENTS[name](good),
    }


def base_of(name: str) -> dict[str, bytes]:
    """A base, as `FRAGMENTS` has it."""
    return {f"tagger.desire/{BASE}": FRAGMENTS[name]((FOLDER / "prior" / BASE).read_bytes())}


def base_with_weights(*names: str) -> dict[str, bytes]:
    """A base with more initialisers, of which a user's part says nothing."""
    model = load_model(FOLDER / "prior" / BASE)
    model.graph.initializer.extend(numpy_helper.from_array(np.ones(2, np.float32), name) for name in names)
    return {BASE: model.SerializeToString()}


def made(parts: dict[str, bytes]) -> bytes:
    """The model that Python makes of them."""
    if len(parts) > 1:
        return complete_model(parts, WEIGHTS, METADATA)
    ((name, base),) = parts.items()
    return standalone_model(name, base, WEIGHTS, ["probabilities"], METADATA)


def refusal(parts: dict[str, bytes]) -> DesireEdgeError:
    """What Python says of parts that make no model."""
    with pytest.raises(DesireEdgeError) as caught:
        made(parts)
    return caught.value


def answer(parts: dict[str, bytes], *, whole: bool) -> dict[str, str]:
    """What the web client must answer."""
    if whole:
        return {"model": made(parts).hex()}
    return {"refused": str(refusal(parts)), "code": "onnx"}


def test_the_web_client_splices_and_refuses_as_python_does() -> None:
    swapped = [dict(reversed(parts_of(name).items())) for name in BAD]  # what breaks may be the extractor
    more = base_with_weights("constructor", "__proto__", "task.γ", "旅行")
    cases = [*map(parts_of, FRAGMENTS), *map(base_of, FRAGMENTS), *swapped, more]
    request = {
        "cases": [[[name, content.hex()] for name, content in parts.items()] for parts in cases],
        "weights": {
            name: {"shape": array.shape, "data": array.ravel().tolist()} for name, array in WEIGHTS.items()
        },
        "metadata": METADATA,
    }
    script = SPLICE.replace("MODULE", (page_folder() / "desire-edge" / "model-file.js").as_uri())
    command = [program("node"), "--input-type=module", "--eval", script]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    expected = [
        answer(parts(name), whole=name in GOOD) for parts in (parts_of, base_of) for name in FRAGMENTS
    ]
    assert answers == [
        *expected,
        *(answer(parts, whole=False) for parts in swapped),
        answer(more, whole=True),
    ]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle to be spoiled, of schema 6."""
    return Path(shutil.copytree(EARLIER, tmp_path / "tagger.desire"))


def adapted(app: Run, bundle: Path) -> bytes:
    done = app("adapt", bundle.name, "--labels", "bread,jazz", "--out", "taught")
    assert done.returncode == 0, done
    return (bundle.parent / "taught" / "model.onnx").read_bytes()


@pytest.mark.parametrize("name", GOOD)
def test_the_cpp_client_splices_as_python_does(name: str, app: Run, bundle: Path) -> None:
    (bundle / HEAD_FRAGMENT).write_bytes(list(parts_of(name).values())[1])
    sign(bundle)
    assert adapted(app, bundle) == Bundle.open(bundle, "cpu").adapt(labels=["bread", "jazz"]).model


@pytest.mark.parametrize("name", BAD)
def test_the_cpp_client_refuses_as_python_does(
    name: str, app: Run, refused_by_app: Callable[..., str], bundle: Path
) -> None:
    parts = parts_of(name)
    (bundle / HEAD_FRAGMENT).write_bytes(list(parts.values())[1])
    sign(bundle)
    arguments = ("adapt", "tagger.desire", "--labels", "bread,jazz", "--out", "taught")
    assert refused_by_app(*arguments) == f"error: {refusal(parts)}"
    done = app(*arguments, "--json")
    assert json.loads(done.stdout) == {"error": {"code": "onnx", "message": str(refusal(parts))}}


@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_the_cpp_client_reads_bundles_of_earlier_schemas(version: int, app: Run, tmp_path: Path) -> None:
    older = in_schema(version, EARLIER, tmp_path / "tagger.desire")
    assert adapted(app, older) == Bundle.open(older, "cpu").adapt(labels=["bread", "jazz"]).model


@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_the_web_client_reads_bundles_of_earlier_schemas(version: int, tmp_path: Path) -> None:
    older = in_schema(version, EARLIER, tmp_path / "tagger.desire")
    request = Request(Support(()), ["Warm bread"], ["bread", "jazz"])
    found, expected = (adapt_in_node(path, request) for path in (older, FOLDER / "plain"))
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", BUNDLES)
def test_the_cpp_client_makes_the_model_that_python_makes(name: str, app: Run, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(FOLDER / name, tmp_path / "tagger.desire"))
    expected = Bundle.open(bundle, "cpu").adapt(labels=["bread", "jazz"]).model
    found = adapted(app, bundle)
    sets = expected.removeprefix(found)  # which the C++ client does not state
    assert len(sets) < len(expected) and (sets == b"") == (name in ("plain", "known"))
