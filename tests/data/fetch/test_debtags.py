"""debtags from files in Debian's control format, and from a real apt."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from desire_edge.data import load_dataset
from desire_edge.data.fetch import fetch
from desire_edge.data.fetch.debtags import (
    Package,
    labelled,
    one_a_source,
    read_packages,
    read_vocabulary,
    split_description,
    tag_name,
)
from desire_edge.errors import DesireEdgeError

INDEX = """\
Package: lute
Version: 2.1-1
Description: player for lute tablature
Description-md5: aaaa
Tag: role::program, use::playing,
 works-with::audio
Section: sound

Package: lute-data
Source: lute (2.1-1)
Description: player for lute tablature (data)
Description-md5: bbbb
Tag: role::app-data
Section: sound

Package: unheard
Description: nobody has tagged this
Description-md5: cccc
Section: misc

Package: moss
Source: garden
Description: grows moss, described here alone
Description-md5: dddd
Tag: role::program, use::TODO, field::horti-culture
"""
UPDATES = INDEX.replace("works-with::audio", "works-with::mail")  # a package that is listed twice
TRANSLATIONS = """\
Package: lute
Description-md5: aaaa
Description-en: player for lute tablature
 Lute plays tablature.
 .
  * as sound
  * as ornament

Package: lute-data
Description-md5: bbbb
Description-en: player for lute tablature (data)
 The data.
"""
VOCABULARY = """\
Facet: role
Status: draft
Description: Role
 What the package is.

Tag: role::program
Description: Program

Facet: use
Description: Purpose

Tag: use::playing
Description: Playing Media, Music
 Of all kinds.

Tag: works-with::audio
Description: Audio
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, content in (
        ("Packages", INDEX),
        ("Updates", UPDATES),
        ("Translation-en", TRANSLATIONS),
        ("vocabulary", VOCABULARY),
    ):
        (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path


def test_tagged_packages_have_their_source_and_the_whole_description(files: Path) -> None:
    packages = read_packages([files / "Packages", files / "Updates"], [files / "Translation-en"])
    assert packages == [
        Package(
            "lute",
            "lute",
            ("role::program", "use::playing", "works-with::audio"),
            "player for lute tablature",
            "Lute plays tablature.\n\n * as sound\n * as ornament",
        ),
        Package("lute-data", "lute", ("role::app-data",), "player for lute tablature (data)", "The data."),
        Package(
            "moss",
            "garden",
            ("role::program", "use::TODO", "field::horti-culture"),
            "grows moss, described here alone",
            "",
        ),
    ]


def test_a_source_has_one_package_and_a_text_one_source(files: Path) -> None:
    packages = read_packages([files / "Packages"], [files / "Translation-en"])
    assert [package.name for package in one_a_source(packages)] == ["moss", "lute"]
    few = [Package(name, "lute", ("a", "b"), name, "") for name in ("xlute", "alute", "lute")]
    assert [package.name for package in one_a_source(few)] == ["lute"], "the one named as the source"
    assert [package.name for package in one_a_source(few[:2])] == ["alute"], "the first by name"
    twins = [Package(name, name, ("a",), "the same", "text") for name in ("viola", "cello")]
    assert [package.name for package in one_a_source(twins)] == ["cello"]


def test_labels_have_the_facet_in_front_and_no_comma(files: Path) -> None:
    names = read_vocabulary(files / "vocabulary")
    assert names == {
        "role::program": "Role: Program",
        "use::playing": "Purpose: Playing Media / Music",
        "works-with::audio": "works-with: Audio",
    }
    assert tag_name("use::playing", names) == "Purpose: Playing Media / Music"
    assert tag_name("made-of::cat-gut", names) == "Made of: cat gut"


def test_a_line_is_what_the_data_set_holds(files: Path) -> None:
    packages = one_a_source(read_packages([files / "Packages"], [files / "Translation-en"]))
    lines = labelled(packages, read_vocabulary(files / "vocabulary"), lambda done, total: None)
    assert lines == [
        {
            "title": "",
            "text": "grows moss, described here alone",
            "labels": ["Field: horti culture", "Role: Program"],
            "group": "garden",
            "package": "moss",
        },
        {
            "title": "player for lute tablature",
            "text": "Lute plays tablature.\n\n * as sound\n * as ornament",
            "labels": ["Purpose: Playing Media / Music", "Role: Program", "works-with: Audio"],
            "group": "lute",
            "package": "lute",
        },
    ]


def test_near_duplicates_share_a_group() -> None:
    text = "This module gives the client side of the sixth protocol for musical instruments and for their strings"
    packages = [
        Package(name, name, ("role::program",), f"protocol of the {name}", text)
        for name in ("cello", "viola")
    ]
    assert [line["group"] for line in labelled(packages, {}, lambda done, total: None)] == ["cello", "cello"]


def test_a_description_without_a_body_is_a_title() -> None:
    assert split_description("one line") == ("one line", "")
    assert split_description("") == ("", "")
    assert split_description("title\n text\n .\n   indented") == ("title", "text\n\n  indented")


def test_an_index_without_tags_is_refused(files: Path) -> None:
    (files / "Packages").write_text(re.sub(r"Tag:.*\n( .*\n)*", "", INDEX), encoding="utf-8")
    with pytest.raises(DesireEdgeError, match="list no package with tags"):
        read_packages([files / "Packages"], [files / "Translation-en"])


def test_without_apt_the_mend_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(DesireEdgeError, match="no apt-get here; fetch it on a machine with Debian"):
        fetch("debtags", lambda step, done, total: None)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_failing_apt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("apt-get", "dpkg-deb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'W: slow' >&2; echo 'E: no network' >&2; exit 100\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(DesireEdgeError, match="could not fetch Debian's package index: E: no network"):
        fetch("debtags", lambda step, done, total: None)
    assert not list((tmp_path / "cache" / "desire-edge").iterdir())


@pytest.mark.slow
def test_the_real_index_becomes_the_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("apt-get") is None:
        pytest.skip("there is no apt-get here")
    lists = Path("/var/lib/apt/lists")
    before = {path: path.stat().st_mtime_ns for path in lists.rglob("*")}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        fetched = fetch("debtags", lambda step, done, total: None)
    except DesireEdgeError as error:
        if "list no package with tags" in str(error) or "could not fetch" in str(error):
            pytest.skip(str(error))
        raise
    assert {path: path.stat().st_mtime_ns for path in lists.rglob("*")} == before, "the system's lists stay"
    assert fetched.figures["rows"] > 10_000 and fetched.figures["labels"] > 250
    assert 4 < fetched.figures["labels_per_row"] < 6
    dataset = load_dataset("debtags")
    assert (dataset.rows, len(dataset.labels)) == (fetched.figures["rows"], fetched.figures["labels"])
    assert dataset.targets.sum(axis=0).min() >= 20
    assert "Implemented in: Python" in dataset.labels
    assert not any("," in label or "Need an extra tag" in label for label in dataset.labels)
    lines = [json.loads(line) for line in (fetched.folder / "debtags.jsonl").read_text().splitlines()]
    assert len({(line["title"], line["text"]) for line in lines}) == len(lines)
    again = fetch("debtags", lambda step, done, total: pytest.fail("nothing is done twice"))
    assert again.was_there and again.figures == fetched.figures
