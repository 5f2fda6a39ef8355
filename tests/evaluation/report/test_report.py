"""The page: all in one file, true to what was measured, whole where parts are missing, and safe against names."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch
from trained import Trained

from desire_edge import Bundle, DesireEdgeError
from desire_edge.evaluation.evaluate import EvaluateOptions, evaluate
from desire_edge.evaluation.report import measure
from desire_edge.evaluation.report.measure import Budget, measured_bundle, measured_run
from desire_edge.evaluation.report.page import check_page, write_page
from desire_edge.files import read_json, write_json
from desire_edge.training.run import Run

BUDGET = Budget(tasks=4, repeats=2, baselines=False)
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Elements(HTMLParser):
    """The page's elements, each opened and closed in turn, and the addresses in it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        values = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.addresses += [
            value or "" for name, value in values.items() if name in ("src", "href", "xlink:href")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def elements(page: str) -> Elements:
    found = Elements()
    found.feed(page)
    assert found.open == []
    return found


@pytest.fixture(scope="module")
def run(sample_trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The small run, in a folder of its own."""
    folder: Path = shutil.copytree(sample_trained.run.folder, tmp_path_factory.mktemp("report") / "run")
    return Run.open(folder, torch.device("cpu"))


@pytest.fixture(scope="module")
def parts(run: Run) -> dict[str, Any]:
    """What is measured of it."""
    seen: list[tuple[str, int, int]] = []
    found = measured_run(run, BUDGET, lambda *part: seen.append(part))
    assert seen[0] == ("5w1s", 0, len(found))
    assert seen[-1] == ("", len(found), len(found))
    return found


@pytest.fixture(scope="module")
def page(run: Run, parts: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its page."""
    return page_of(run, parts, tmp_path_factory.mktemp("page") / "page.html")


def page_of(run: Run, parts: dict[str, Any], out: Path, **changed: Any) -> str:
    write_page(
        out, run.folder.name, run.record() | changed, parts, BUDGET.tasks, run.config.model_dump(mode="json")
    )
    return out.read_text(encoding="utf-8")


def test_everything_is_in_the_one_file(page: str) -> None:
    found = elements(page)
    assert found.seen.count("svg") >= 6
    assert len(found.ids) == len(set(found.ids))
    assert "script" not in found.seen
    assert "link" not in found.seen
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in found.addresses)
    assert {address[1:] for address in found.addresses if address[0] == "#"} <= set(found.ids)
    assert set(re.findall(r"url\(#([^)]*)\)", page)) <= set(found.ids)
    outside = {
        address for address in re.findall(r"https?://[^\s\"'<>)]+", page) if "www.w3.org" not in address
    }
    assert outside == set()
    for word in (
        "What it is",
        "sample.jsonl",
        "example-disjoint",
        "By examples",
        "Reliability",
        "meta.batches",
    ):
        assert word in page


def test_the_figures_are_those_of_evaluate(run: Run, parts: dict[str, Any], page: str) -> None:
    found = evaluate(run, EvaluateOptions(ways=5, shots=5, tasks=BUDGET.tasks))
    figures = found.eligible if parts["5w5s"]["eligible"] else found.all_labels
    assert figures is not None
    assert parts["5w5s"]["micro_auc"]["mean"] == pytest.approx(figures.micro_auc.mean, abs=1e-6)
    said = f"{100 * figures.micro_auc.mean:.1f} ± {100 * figures.micro_auc.half_width:.1f}"
    assert page.count(said) >= 2  # on a tile and in the table


def test_a_second_call_measures_nothing_and_changed_settings_everything(
    run: Run, parts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("measured again")

    with monkeypatch.context() as patched:
        for name in ("_evaluated", "_calibrated", "_png", "_exported"):
            patched.setattr(measure, name, refuse)
        assert measured_run(run, BUDGET, lambda *_: None) == parts
        with pytest.raises(AssertionError, match="measured again"):
            measured_run(run, Budget(5, 2), lambda *_: None)
    kept = run.folder / measure.KEPT
    whole = kept.read_bytes()
    stored = read_json(kept)
    del stored["parts"]["calibration"]  # as a stopped one leaves it
    write_json(kept, stored)
    assert measured_run(run, BUDGET, lambda *_: None)["calibration"] == parts["calibration"]
    kept.write_text("[1, 2")
    monkeypatch.setattr(measure, "_exported", lambda *_: parts["bundle"])
    again = measured_run(run, BUDGET, lambda *_: None)
    assert again["5w1s"]["micro_auc"] == parts["5w1s"]["micro_auc"]
    kept.write_bytes(whole)


def test_a_bundle_alone_says_what_it_keeps(sample_trained: Trained, tmp_path: Path) -> None:
    bundle = Bundle.open(sample_trained.bundle, "cpu")
    parts = measured_bundle(bundle, BUDGET, lambda *_: None)
    write_page(
        tmp_path / "page.html", bundle.manifest.name, bundle.manifest.training, parts, BUDGET.tasks, {}
    )
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert elements(page).seen.count("svg") == 2  # pre-training, sizes
    assert page.count("This needs the run and its data") == 3
    for file in parts["bundle"]["files"]:
        assert file["name"] in page
    assert parts["bundle"]["timed"]["adapt"] > parts["bundle"]["timed"]["learn"] > 0


HOSTILE = '<script>alert("$\\frac{1}$")</script>'


def test_names_are_text_and_nothing_else(sample_trained: Trained, tmp_path: Path) -> None:
    bundle = Bundle.open(sample_trained.bundle, "cpu")
    parts = measured_bundle(bundle, BUDGET, lambda *_: None)
    parts["bundle"]["files"][0]["name"] = HOSTILE
    record = {
        "dataset": HOSTILE,
        "source": [HOSTILE],
        "versions": {HOSTILE: HOSTILE},
        "warnings": [HOSTILE],
        "history": [7, {"stage": "meta"}, {"stage": "meta", "finished": HOSTILE, "loss": None}],
    }
    write_page(tmp_path / "page.html", HOSTILE, record, parts, BUDGET.tasks, {HOSTILE: HOSTILE})
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "script" not in elements(page).seen
    assert "&lt;script&gt;" in page
    assert "No record of training is kept." in page


def test_what_cannot_be_measured_is_said(run: Run, parts: dict[str, Any], tmp_path: Path) -> None:
    why = {"missing": "only 3 of 23 labels have 5 support and 15 query rows"}
    gone = dict.fromkeys(parts, why)
    page = page_of(run, gone, tmp_path / "page.html", warnings=["a label is not known"])
    elements(page)
    assert page.count(why["missing"]) == len(parts)
    assert '<p class="warning">a label is not known</p>' in page


def test_only_a_page_of_ours_is_replaced(page: str, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    check_page(out)
    out.write_text(page)
    check_page(out)
    out.write_text("<html>mine</html>")
    with pytest.raises(DesireEdgeError, match="exists and is no page of ours; choose another --out"):
        check_page(out)
