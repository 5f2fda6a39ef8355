"""The facts about Delicious that the protocols and the published splits rest on."""

from __future__ import annotations

import numpy as np
import pytest

from desire_edge.data import (
    Dataset,
    DeliciousFiles,
    EpisodeSampler,
    Protocol,
    load_dataset,
    protocol_rows,
    split_labels,
)
from desire_edge.data.readers.delicious import DROPPED_TAGS
from desire_edge.inputs.readers.mulan import read_mulan


def test_rows_features_and_labels(delicious: Dataset) -> None:
    assert delicious.features is not None and delicious.texts is None
    assert delicious.features.shape == (16_105, 500) and delicious.features.dtype == np.float32
    assert delicious.targets.shape == (16_105, 975) and delicious.targets.dtype == np.bool_
    assert len(delicious.feature_names) == 500 and len(set(delicious.labels)) == 975
    assert set(np.unique(delicious.features)) == {0.0, 1.0}


def test_train_rows_come_first(delicious: Dataset) -> None:
    assert not delicious.test_rows[:12_920].any()
    assert delicious.test_rows[12_920:].all() and delicious.rows - 12_920 == 3_185


def test_the_eight_dropped_tags_are_the_first_of_the_file(delicious_files: DeliciousFiles) -> None:
    table = read_mulan(delicious_files.test, delicious_files.header)
    assert len(table.labels) == 983
    assert table.labels[:8] == DROPPED_TAGS


def test_labels_keep_the_order_of_the_file(delicious: Dataset) -> None:
    assert delicious.labels[:3] == ("academia", "academic", "access")
    assert delicious.labels[-3:] == ("xp", "yahoo", "youtube")


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("position", [0, 1234, -1])
def test_a_row_is_what_its_line_says(
    delicious: Dataset, delicious_files: DeliciousFiles, part: str, position: int
) -> None:
    lines = getattr(delicious_files, part).read_text("latin-1").splitlines()
    names = [line.split()[1] for line in lines if line.startswith("@attribute")]
    rows = [line for line in lines if line.startswith("{")]
    present = {names[int(entry.split()[0])] for entry in rows[position].strip("{}").split(",")}
    row = np.flatnonzero(delicious.test_rows == (part == "test"))[position]
    assert delicious.features is not None
    words = {delicious.feature_names[column] for column in np.flatnonzero(delicious.features[row])}
    tags = {f"TAG_{delicious.labels[column]}" for column in np.flatnonzero(delicious.targets[row])}
    assert words == {name for name in present if not name.startswith("TAG_")}
    assert tags == present - words - {f"TAG_{tag}" for tag in DROPPED_TAGS}


def test_tex_accents_are_written_as_letters(delicious: Dataset) -> None:
    assert {"diseño", "música"} <= set(delicious.labels)
    assert not any("\\" in label for label in delicious.labels)


def test_words_a_page(delicious: Dataset) -> None:
    assert delicious.features is not None
    words = delicious.features.sum(axis=1)
    assert words.mean() == pytest.approx(18.3, abs=0.05)
    assert np.median(words) == 6
    assert (words == 1).sum() == 2_492


def test_repeated_rows(delicious: Dataset) -> None:
    assert delicious.features is not None
    keys = np.array([hash(row.tobytes()) for row in delicious.features])
    assert len(np.unique(keys)) == 12_381
    repeated = np.isin(keys[delicious.test_rows], keys[~delicious.test_rows])
    assert repeated.mean() == pytest.approx(0.273, abs=0.0005)


def test_training_pages_a_tag(delicious: Dataset) -> None:
    pages = delicious.targets[~delicious.test_rows].sum(axis=0)
    assert pages.min() >= 18
    assert pages.max() == 5_197
    assert np.median(pages) == pytest.approx(85, abs=1)


def test_the_source_names_every_file_with_its_digest(delicious: Dataset) -> None:
    for name in ("delicious-train.arff", "delicious-test.arff", "delicious.xml"):
        assert name in delicious.source
    assert delicious.source.count("sha256") == 3


def test_auto_is_delicious_where_it_is_found(delicious_files: DeliciousFiles) -> None:
    assert load_dataset("auto", delicious_files.train.parent).name == "delicious"


def test_example_disjoint_queries_repeat_no_training_input(delicious: Dataset) -> None:
    assert delicious.features is not None
    rows = protocol_rows(delicious, "example-disjoint", hold_out=False, seed=0)
    assert len(rows.query) == 2_314
    seen = {delicious.features[row].tobytes() for row in rows.train}
    assert not any(delicious.features[row].tobytes() in seen for row in rows.query)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("protocol", "fewest", "most"), [("streaming", 110, 135), ("example-disjoint", 90, 110)]
)
def test_eligible_novel_labels_in_the_test_file(
    delicious: Dataset, protocol: Protocol, fewest: int, most: int, seed: int
) -> None:
    rows = protocol_rows(delicious, protocol, hold_out=False, seed=seed)
    sampler = EpisodeSampler(
        delicious.targets, split_labels(975, seed).novel, rows.support, rows.query, ways=10, shots=5
    )
    assert fewest <= len(sampler.eligible) <= most


def test_every_novel_label_is_eligible_when_all_rows_may_be_queried(delicious: Dataset) -> None:
    rows = protocol_rows(delicious, "label-disjoint", hold_out=False, seed=0)
    sampler = EpisodeSampler(
        delicious.targets, split_labels(975, 0).novel, rows.support, rows.query, ways=5, shots=5
    )
    assert len(sampler.eligible) == 200
