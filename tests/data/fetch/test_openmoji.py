"""OpenMoji from excerpts in its own formats, and from a real npm."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from desire_edge.data.fetch import fetch
from desire_edge.data.fetch.openmoji import SIDE, group_of, labels_of, read_drawings, record
from desire_edge.errors import DesireEdgeError


def entry(code: str, **more: object) -> dict[str, object]:
    emoji = "".join(chr(int(point, 16)) for point in code.split("-"))
    plain = {
        "annotation": "",
        "tags": "",
        "openmoji_tags": "",
        "openmoji_author": "A. Painter",
        "skintone": "",
    }
    return {"emoji": emoji, "hexcode": code, **plain, **more}


def test_drawings_without_skin_tones_and_with_all_their_tags() -> None:
    entries = [
        entry("2600-FE0F", annotation="sun", tags="bright, Rays", openmoji_tags="weather,bright"),
        entry("1F44D", annotation="thumbs up", tags="hand, yes"),
        entry("1F44D-1F3FB", annotation="thumbs up: light skin tone", skintone=1),
        entry("E000", annotation="own drawing", openmoji_tags="map"),
    ]
    keywords = {"\u2600": ["sun", "summer_time", "weather"], "\U0001f44d": ["thumbs_up", "agree"]}
    sun, thumb, own = read_drawings(entries, keywords)
    assert sun.labels == ("bright", "rays", "summer time", "weather")
    assert thumb.labels == ("agree", "hand", "yes")
    assert own.labels == ("map",)
    assert record(sun) == {
        "file_name": "images/2600-FE0F.png",
        "labels": ["bright", "rays", "summer time", "weather"],
        "group": "2600",
        "name": "sun",
        "author": "A. Painter",
    }


def test_empty_tags_are_none() -> None:
    assert labels_of(entry("2600", tags=" , ,"), ["_", ""]) == ()


@pytest.mark.parametrize(
    "twins",
    [
        ("1F6B4", "1F6B4-200D-2640-FE0F", "1F6B4-200D-2642-FE0F"),  # biking
        ("1F9D1-200D-1F373", "1F468-200D-1F373", "1F469-200D-1F373"),  # a cook
        ("1F9D1", "1F468-200D-1F9B0", "1F9D1-200D-1F9B3"),  # red, white hair
        ("1F6B6", "1F6B6-200D-27A1-FE0F", "1F6B6-200D-2642-FE0F-200D-27A1-FE0F"),  # walking right
        ("1F46B", "1F46D", "1F9D1-200D-1F91D-200D-1F9D1"),  # hand in hand
        ("1F466", "1F467", "1F9D2"),
    ],
)
def test_twins_share_a_group(twins: tuple[str, ...]) -> None:
    assert len(set(map(group_of, twins))) == 1


def test_what_is_no_twin_has_a_group_of_its_own() -> None:
    codes = ("2640", "2642", "27A1", "2B05", "1F9B0", "1F9D1", "1F6B4", "1F6B5", "1F1E6-1F1E8", "1F1E6-1F1E9")
    assert len(set(map(group_of, codes))) == len(codes)


def test_without_npm_the_mend_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(
        DesireEdgeError, match="there is no npm to fetch it; install npm, or fetch openmoji on"
    ):
        fetch("openmoji", lambda step, done, total: None)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.slow
def test_the_real_packages_become_the_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("npm") is None:
        pytest.skip("there is no npm here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    seen: Counter[str] = Counter()
    try:
        fetched = fetch("openmoji", lambda step, done, total: seen.update([step]))
    except DesireEdgeError as error:
        if "npm could not fetch" in str(error):
            pytest.skip(str(error))
        raise
    assert fetched.figures == {"rows": 2465, "labels": 149, "labels_per_row": 2.79}
    assert seen["drawings"] == 2465
    lines = [json.loads(line) for line in (fetched.folder / "metadata.jsonl").read_text().splitlines()]
    for line in lines:
        with Image.open(fetched.folder / line["file_name"]) as picture:
            assert picture.size == (SIDE, SIDE)
    with Image.open(fetched.folder / "images" / "1F6B4.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 16) or []}
    assert {(255, 255, 255), (0, 0, 0)} < colours, "black lines on white"
    assert "CC BY-SA 4.0" in (fetched.folder / "README.txt").read_text()
    assert fetch("openmoji", lambda step, done, total: pytest.fail("nothing is done twice")).was_there
