"""The one error a user sees: its sentence, its code, and what may reach a terminal."""

from __future__ import annotations

import pickle

from desire_edge import DesireEdgeError
from desire_edge.data import DataNotFoundError
from desire_edge.errors import shown


def test_an_error_is_its_sentence_and_has_a_code() -> None:
    assert str(DesireEdgeError("a label name is empty", "name-empty")) == "a label name is empty"
    assert DesireEdgeError("a label name is empty", "name-empty").code == "name-empty"
    assert DesireEdgeError("something else").code == "invalid"


def test_errors_are_pickled_with_their_code() -> None:
    for error in (DesireEdgeError("a sentence", "name-empty"), DataNotFoundError("another")):
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy), copy.code) == (type(error), str(error), error.code)


def test_what_steers_a_terminal_is_written_out() -> None:
    assert shown("a\x1b[31m\u202eb\u2028c\ud800\u2066é\u200d") == (
        r"a\x1b[31m\u202eb\u2028c\ud800\u2066é" + "\u200d"
    )
