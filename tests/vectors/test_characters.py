"""Every language has the one table of characters, and it is Unicode 14.0.0's."""

from __future__ import annotations

import json
import re
import unicodedata
from itertools import pairwise

import pytest
from vectors.characters import CPP, JAVASCRIPT, TABLE, UNICODE, cpp, javascript, table

TEXT = TABLE.read_text(encoding="utf-8")


def test_the_sources_are_what_is_made_of_the_table() -> None:
    assert CPP.read_text(encoding="utf-8") == cpp(TEXT)
    assert JAVASCRIPT.read_text(encoding="utf-8") == javascript(TEXT)


def test_the_table_covers_every_code_point_in_maximal_runs() -> None:
    runs = json.loads(TEXT)["runs"]
    found = re.findall("([0-9a-z]+)([UWO])", runs)
    assert "".join(length + kind for length, kind in found) == runs
    assert sum(int(length, 36) for length, _ in found) == 0x110000
    assert all(before[1] != after[1] for before, after in pairwise(found))


@pytest.mark.skipif(unicodedata.unidata_version != UNICODE, reason=f"this Python has not Unicode {UNICODE}")
def test_the_table_is_what_this_python_says_of_its_characters() -> None:
    assert table() == TEXT
