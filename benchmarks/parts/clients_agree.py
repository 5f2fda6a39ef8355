"""How far Python, Node and the C++ client agree.

`refusals_run_by_clients` counts those whose run of the golden refusals passes, every case of them;
`clients_max_error` is the largest relative error, over all three, of what the golden vectors' cases expect.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import onnx
from drivers.cpp import ROOT, build_programs, finished
from drivers.web import Request, adapt_in_node, install_packages
from numpy.typing import NDArray
from onnx import numpy_helper

from desire_edge import Bundle, Support

from .part import Measured

VECTORS = ROOT / "tests" / "vectors"
REFUSALS = {
    "python": "tests/vectors/test_refusals.py",
    "node": "tests/clients/test_web_refusals.py",
    "cpp": "tests/clients/test_cpp_refusals.py",
}
Case = Mapping[str, Any]
Found = dict[str, Any]


def measure() -> Measured:
    """Run both by all three."""
    agree = {client: passes(file) for client, file in REFUSALS.items()}
    errors = client_errors()
    return Measured(
        {"refusals_run_by_clients": sum(agree.values()), "clients_max_error": max(errors.values())},
        {"refusals_agree": agree, "max_error": errors},
    )


def passes(file: str) -> bool:
    """Whether a test file runs all of the golden refusals, skips none and passes."""
    cases = sum(map(len, read("refusals.json").values()))
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ("-q", "-p", "no:cacheprovider", f"--junit-xml={report}")
        command = [sys.executable, "-m", "pytest", *options, file]
        subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False)
        (suite,) = ElementTree.parse(report).getroot().iter("testsuite")
    bad = sum(int(suite.attrib[name]) for name in ("failures", "errors", "skipped"))
    return bad == 0 and int(suite.attrib["tests"]) >= cases


def client_errors() -> dict[str, float]:
    """Each client's largest relative error over the golden vectors' cases."""
    install_packages()
    programs = build_programs()
    clients: dict[str, Callable[[Case, Path], Found]] = {
        "python": in_python,
        "node": in_node,
        "cpp": lambda case, folder: in_cpp(programs / "desire_edge_app", case, folder),
    }
    largest = dict.fromkeys(clients, 0.0)
    for case in read("cases.json"):
        for client, adapt in clients.items():
            with tempfile.TemporaryDirectory() as folder:
                largest[client] = max(largest[client], case_error(adapt(case, Path(folder)), case))
    return largest


def case_error(found: Found, case: Case) -> float:
    """The largest relative error of what a client found."""
    expected = case["expected"]
    wanted = {
        "losses": [expected["losses"][0], expected["losses"][expected["steps"]]],
        "thresholds": expected["thresholds"],
        "probabilities": expected["query_probabilities"],
        **expected["head"],
    }
    return max(relative_error(found[name], np.array(values)) for name, values in wanted.items())


def relative_error(found: Any, expected: NDArray[np.float64]) -> float:
    """max|found - expected| / max|expected|; columns of unused ways, which must be 0, are left out."""
    array, columns = np.array(found, np.float64), expected.shape[-1]
    if array.shape != expected.shape:
        array = array.reshape(*expected.shape[:-1], -1)
        assert not array[..., columns:].any()
        array = array[..., :columns]
    return float(np.abs(array - expected).max() / (np.abs(expected).max() or 1))


def in_python(case: Case, folder: Path) -> Found:
    """What Python makes of a case."""
    task = Bundle.open(VECTORS / case["bundle"], "cpu").adapt(
        support_of(case), labels=case["labels"], missing=case["missing"]
    )
    texts = [query["text"] for query in case["queries"]]
    return {
        "losses": [task.report.loss_before, task.report.loss_after],
        "thresholds": [label.threshold for label in task.report.labels],
        "probabilities": task.predict(texts, known_of(case)),
        **weights_of(task.model, case),
    }


def in_node(case: Case, folder: Path) -> Found:
    """What the web client, in Node, makes of a case."""
    texts = [query["text"] for query in case["queries"]]
    request = Request(support_of(case), texts, case["labels"], case["missing"], known_of(case))
    found = adapt_in_node(VECTORS / case["bundle"], request)
    return {**found, **found["weights"]}


def in_cpp(app: Path, case: Case, folder: Path) -> Found:
    """What the C++ client makes of a case."""
    taught, support = folder / "taught", folder / "support"
    support.mkdir()
    lines = []
    for number, example in enumerate(case["support"]):
        (support / f"{number}.txt").write_text(example["text"], encoding="utf-8")
        lines.append(json.dumps({**example, "file_name": f"{number}.txt"}) + "\n")
    (support / "metadata.jsonl").write_text("".join(lines), encoding="utf-8")
    examples = ("--support", support) if lines else ()
    asked = ("--labels", ",".join(case["labels"]), "--missing", case["missing"], "--out", taught, "--json")
    report = json.loads(finished(app, "adapt", VECTORS / case["bundle"], *examples, *asked))
    probabilities = []
    for query, known in zip(case["queries"], known_of(case), strict=True):
        (folder / "query.txt").write_text(query["text"], encoding="utf-8")
        told = ("--known-labels", ",".join(known)) if known else ()
        answer = finished(app, "predict", taught / "model.onnx", folder / "query.txt", *told, "--json")
        (row,) = json.loads(answer)["predictions"]
        probabilities.append(list(row["probabilities"].values()))
    return {
        "losses": [report["loss_before"], report["loss_after"]],
        "thresholds": [label["threshold"] for label in report["labels"]],
        "probabilities": probabilities,
        **weights_of((taught / "model.onnx").read_bytes(), case),
    }


def weights_of(model: bytes, case: Case) -> dict[str, NDArray[Any]]:
    """The task's weights in an adapted model, those of which the case says what is expected."""
    tensors = onnx.load_model_from_string(model).graph.initializer
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in tensors}
    return {name: weights[f"task.{name}"] for name in case["expected"]["head"]}


def support_of(case: Case) -> Support:
    """A case's support set."""
    items = case["support"]
    fields = ("labels", "negative_labels", "known_labels")
    return Support.of(
        [item["text"] for item in items], *([item.get(name, []) for item in items] for name in fields)
    )


def known_of(case: Case) -> list[list[str]]:
    """The known labels of each of a case's queries."""
    return [query.get("known_labels", []) for query in case["queries"]]


def read(name: str) -> Any:
    """A file of the golden vectors."""
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))
