"""The sample corpus that ships with the package: its format, and the properties training relies on."""

import itertools
import json
import re
from collections import Counter
from importlib import resources
from typing import TypedDict

import pytest

MIN_TEXTS = 500
MIN_TAGS = 80
# A 5-way 5-shot task needs 5 support rows of a tag and still some left for its queries.
MIN_TEXTS_PER_TAG = 20
MAX_JACCARD = 0.6


class Entry(TypedDict):
    """One line of the corpus."""

    id: str
    title: str
    text: str
    labels: list[str]


@pytest.fixture(scope="module")
def content() -> str:
    return (resources.files("desire_edge.data") / "sample.jsonl").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def entries(content: str) -> list[Entry]:
    return [json.loads(line) for line in content.splitlines()]


def test_file_is_json_lines_with_a_final_newline(content: str) -> None:
    assert content.endswith("}\n")
    assert all(line.startswith("{") for line in content.splitlines())


def test_every_line_has_the_four_keys_and_their_types(entries: list[Entry]) -> None:
    for entry in entries:
        assert list(entry) == ["id", "title", "text", "labels"]
        for value in (entry["id"], entry["title"], entry["text"], *entry["labels"]):
            assert isinstance(value, str)
            assert value
            assert value == value.strip()


def test_there_are_enough_texts_and_tags(entries: list[Entry]) -> None:
    assert len(entries) >= MIN_TEXTS
    assert len({label for entry in entries for label in entry["labels"]}) >= MIN_TAGS


def test_ids_titles_and_texts_are_unique(entries: list[Entry]) -> None:
    assert len({entry["id"] for entry in entries}) == len(entries)
    assert len({entry["title"].casefold() for entry in entries}) == len(entries)
    assert len({entry["text"].casefold() for entry in entries}) == len(entries)


def test_texts_are_as_short_as_a_bookmark(entries: list[Entry]) -> None:
    for entry in entries:
        assert 18 <= len(f"{entry['title']} {entry['text']}".split()) <= 48, entry["id"]


def test_each_text_has_three_to_eight_distinct_one_word_tags(entries: list[Entry]) -> None:
    for entry in entries:
        labels = entry["labels"]
        assert 3 <= len(labels) <= 8, entry["id"]
        assert len(set(labels)) == len(labels), entry["id"]
        assert all(re.fullmatch(r"[a-z]+", label) for label in labels), entry["id"]


def test_every_tag_has_enough_texts(entries: list[Entry]) -> None:
    counts = Counter(label for entry in entries for label in entry["labels"])
    rare = {label: count for label, count in counts.items() if count < MIN_TEXTS_PER_TAG}
    assert not rare


def test_no_tag_covers_a_fifth_of_the_texts(entries: list[Entry]) -> None:
    counts = Counter(label for entry in entries for label in entry["labels"])
    assert max(counts.values()) < len(entries) / 5


def test_no_two_tags_mark_the_same_texts(entries: list[Entry]) -> None:
    members: dict[str, set[str]] = {}
    for entry in entries:
        for label in entry["labels"]:
            members.setdefault(label, set()).add(entry["id"])
    for first, second in itertools.combinations(sorted(members), 2):
        shared = len(members[first] & members[second]) / len(members[first] | members[second])
        assert shared < 0.7, (first, second)


def test_no_two_texts_are_near_duplicates(entries: list[Entry]) -> None:
    words = [set(re.findall(r"\w+", f"{e['title']} {e['text']}".lower())) for e in entries]
    for (i, first), (j, second) in itertools.combinations(enumerate(words), 2):
        assert len(first & second) < MAX_JACCARD * len(first | second), (entries[i]["id"], entries[j]["id"])
