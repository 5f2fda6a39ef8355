"""The one error a user of desire-edge sees, and how text of unknown origin is shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What stands in no name: controls, line separators, half characters."""

_STEERS = re.compile(f"{CONTROL.pattern}|[\u202a-\u202e\u2066-\u2069]")
"""What must not reach a terminal from a file: the same, and marks that reorder text."""


class DesireEdgeError(Exception):
    """Something the caller can mend.

    The message is one or two plain sentences: it names the file, line or label, says what was expected and what
    was found, and how to mend it. The command line prints it without a traceback and exits with code 2.

    Attributes:
        code: what is wrong, in words that stay the same in every version and every client, joined by "-";
            tests/vectors/README.md lists them. "invalid" if none of them says it.
    """

    def __init__(self, message: str, code: str = "invalid") -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        """The message and the code."""
        return type(self), (str(self), self.code)


def shown(text: str) -> str:
    r"""`text` with its control characters written out, a line break as \n: names in files must not steer a terminal."""
    return _STEERS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
