"""Data sets by what a user calls them, and what a run keeps of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from desire_edge.data import lasting_source, load_dataset, load_sample
from desire_edge.data.readers import READERS
from desire_edge.errors import DesireEdgeError


@pytest.mark.parametrize("source", ["delicious", "sample", "debtags", "openmoji"])
def test_one_reader_reads_a_source(source: str) -> None:
    assert sum(reader.reads(source) for reader in READERS) == 1


def test_an_unknown_source_is_refused_with_all_that_could_be_meant() -> None:
    with pytest.raises(
        DesireEdgeError,
        match=r"no data set is called 'pages\.doc'; use auto, delicious, sample, debtags, openmoji or the path of a "
        r"file or folder of examples$",
    ):
        load_dataset("pages.doc")


@pytest.mark.parametrize("source", ["auto", "sample"])
def test_what_lasts_of_a_name_is_the_data_sets(source: str) -> None:
    assert lasting_source(source, load_sample()) == "sample"


def test_what_lasts_of_a_path_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pages.jsonl").write_text('{"text": "Where to swim.", "labels": ["sport"]}\n')
    monkeypatch.chdir(tmp_path)
    lasting = lasting_source("pages.jsonl", load_dataset("pages.jsonl"))
    monkeypatch.chdir("/")
    assert load_dataset(lasting).labels == ("sport",)
