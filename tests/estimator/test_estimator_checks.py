"""scikit-learn's own checks of `DesireClassifier`, and why those fail that do."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from onnx import helper, numpy_helper
from sklearn.utils.estimator_checks import parametrize_with_checks
from vectors.tiny import BASE_LABELS, HIDDEN, D, numbers, tiny_lexicon, tiny_semantics

from desire_edge import Bundle, DesireClassifier, Support, Task
from desire_edge.export.bundle import ExportOptions, write_graphs
from desire_edge.export.graphs import finish, float_value
from desire_edge.files import write_json
from desire_edge.inputs.vectors import VectorInput
from desire_edge.runtime.manifest import FILES, LEXICON, MANIFEST, SEMANTICS, FileRecord, Manifest

FOLDER = TemporaryDirectory(prefix="desire-edge-checks-")


@cache
def bundle_of(width: int) -> Bundle:
    """A bundle of vectors of so many numbers, with the golden bundles' head and z = x W for its features."""
    folder = Path(FOLDER.name) / str(width)
    folder.mkdir()
    options, semantics = ExportOptions(ways=8, max_support=6), tiny_semantics(known_labels=False)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["z"])],
        "extractor",
        [float_value("x", 1, width)],
        [float_value("z", 1, D)],
        [numpy_helper.from_array(numbers(f"checks.{width}", width, D), "w")],
    )
    write_graphs(folder, finish(helper.make_model(graph)), semantics, options)
    (folder / SEMANTICS).write_bytes(semantics.serialize())
    tiny_lexicon(folder / LEXICON)
    manifest = Manifest(
        name=folder.name,
        dimension=D,
        head=semantics.KIND,
        hidden=HIDDEN,
        ways=options.ways,
        batch=options.batch,
        max_support=options.max_support,
        opset=options.opset,
        base_labels=BASE_LABELS,
        known_labels=False,
        input=VectorInput(width),
        names="lexicon",
        name_dimension=D,
        precision="fp32",
        conditioning=1.0,
        training={"about": "not trained"},
        files={name: FileRecord.of(folder / name) for name in FILES},
    )
    write_json(folder / MANIFEST, manifest.to_json())
    return Bundle.open(folder, "cpu")


class AnyWidth(Bundle):
    """Bundles of every width: the checks make X of many widths, and a bundle takes one."""

    def adapt(self, support: Support | None = None, **named: Any) -> Task:
        """By the bundle as wide as the first example."""
        assert support is not None
        first: Any = support.examples[0].raw
        return bundle_of(first.shape[-1]).adapt(support, **named)


ONE_COLUMN = (
    "y and predictions are [n, 1] for one label; the check takes [n], or two columns of probabilities"
)
ONE_ROW_OF_CLASSES = "the check gives y as [n], one class an example; this takes several labels, [n, L]"
ONE_AND_TWO = "the check gives y of 1 and 2; a label holds or does not, 1 or 0"
EXPECTED = {
    "check_classifiers_train": ONE_COLUMN,
    "check_estimator_sparse_array": ONE_COLUMN,
    "check_estimator_sparse_matrix": ONE_COLUMN,
    "check_classifiers_classes": ONE_ROW_OF_CLASSES,
    "check_decision_proba_consistency": ONE_ROW_OF_CLASSES,
    "check_estimators_dtypes": ONE_AND_TWO,
    "check_classifier_data_not_an_array": ONE_AND_TWO,
    "check_fit2d_1feature": ONE_AND_TWO,
    "check_classifier_multioutput": "a label holds from a threshold learned for it on, not from 0.5, or log-odds 0",
}


@pytest.mark.filterwarnings("ignore:the columns of y have no names")
@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [DesireClassifier(AnyWidth(bundle_of(3).path, bundle_of(3).manifest, "cpu"))],
    expected_failed_checks=lambda _: EXPECTED,
    xfail_strict=True,
)
def test_scikit_learns_checks(estimator: DesireClassifier, check: Callable[[Any], None]) -> None:
    check(estimator)


def test_the_page_lists_the_checks_that_fail() -> None:
    page = (Path(__file__).parents[2] / "docs" / "scikit-learn.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(check_\w+)`", page)) - {"check_estimator"} == set(EXPECTED)
