"""JSON Lines: one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from desire_edge.errors import DesireEdgeError
from desire_edge.files import parse_json
from desire_edge.inputs.examples import Place
from desire_edge.lexicon.characters import SPACE


def read_lines(text: str, where: str) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Each line's object and its place in the file `where`; blank lines are skipped.

    Raises:
        DesireEdgeError: a line that is no JSON, or no object.
    """
    for number, line in enumerate(text.split("\n"), start=1):  # JSON strings may hold U+2028
        if not line.strip(SPACE):
            continue
        place = Place(where, number)
        try:
            entry = parse_json(line)
        except ValueError as error:
            raise DesireEdgeError(f"{place} is not valid JSON: {error}", "json") from error
        if not isinstance(entry, dict):
            raise DesireEdgeError(
                f'{place} is not a JSON object of an example and its labels, as in {{"text": "…", "labels": ["…"]}}',
                "entry",
            )
        yield place, entry
