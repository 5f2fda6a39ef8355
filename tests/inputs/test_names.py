"""Names of labels are cleaned, compared and refused by one function."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from desire_edge import DesireEdgeError, Support
from desire_edge.inputs.names import MAX_NAME, check_names, clean_name, columns, list_of_names

UNSEEN = "\u00ad\u061c\u180e\u200b\u200e\u202e\u2060\u2067\ufeff\ufff9"
MARKED = st.text(st.sampled_from(f"aé e\u0301\u0323\u200c\u200d\u3000\U000105d2\u0307{UNSEEN}"))


@pytest.mark.parametrize(
    "name", ["東京\u3000タワー", "می\u200cخواهم", "👩\u200d🍳", "c++", "a\u00a0b", "nc-17", "[red]"]
)
def test_names_of_every_script_are_labels(name: str) -> None:
    assert Support.of(["a"], [[name]]).names() == (name,)


@given(st.one_of(st.text(), MARKED))
@example("\u2003\u200b \x85")
@example("e\u200b\u0301")
def test_a_clean_name_is_composed_visible_stripped_and_clean(name: str) -> None:
    clean = clean_name(name)
    assert clean_name(clean) == clean
    assert not set(clean) & set(UNSEEN)
    assert clean == clean.strip(" \t\n\u0085\u00a0\u3000")
    if all(unicodedata.category(character) != "Cn" for character in clean):
        assert unicodedata.is_normalized("NFC", clean)


@given(st.one_of(st.text(), MARKED))
def test_any_name_is_taken_clean_or_refused_in_a_sentence(name: str) -> None:
    try:
        (taken,) = check_names([name], "here")
    except DesireEdgeError as error:
        assert str(error).startswith("here: ")
        assert error.code in ("name-empty", "name-long", "name-control")
    else:
        assert taken == clean_name(name)
        assert 0 < len(taken) <= MAX_NAME


@given(MARKED, MARKED)
def test_names_are_one_exactly_if_they_are_equal_when_clean(one: str, other: str) -> None:
    first, second = f"x{one}", f"x{other}"
    if clean_name(first) == clean_name(second):
        with pytest.raises(DesireEdgeError, match="is named twice"):
            check_names([first, second], "here")
    else:
        assert check_names([first, second], "here") == (clean_name(first), clean_name(second))


@pytest.mark.parametrize("half", ["\ud800", "a\udfffb"])
def test_half_a_character_is_no_name(half: str) -> None:
    with pytest.raises(DesireEdgeError, match="without control characters") as refused:
        check_names([half], "here")
    assert refused.value.code == "name-control"


@pytest.mark.parametrize("given_names", ["baking", {"baking": 1}, None, 7])
def test_what_is_no_list_of_names_is_refused(given_names: object) -> None:
    for check in (check_names, lambda value, where: list_of_names(value, "labels", where)):
        with pytest.raises(DesireEdgeError, match="must be a list of names") as refused:
            check(given_names, "here")
        assert refused.value.code == "names-type"


@pytest.mark.parametrize("names", [["b", "a"], ("b", "a"), {"b": 1, "a": 2}.keys(), iter("ba")])
def test_names_come_from_any_iterable(names: object) -> None:
    assert check_names(names, "here") == ("b", "a")


def test_names_of_earlier_files_are_found_by_their_clean_form() -> None:
    assert columns(["cafe\u0301", "ja\u200bzz"]) == {"caf\u00e9": 0, "jazz": 1}
