"""The one error a user of desire-edge sees, and how text of unknown origin is shown."""

from __future__ import annotations

import re

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What must not reach a terminal from a file: controls, line separators, marks that reorder text, half characters."""


class DesireEdgeError(Exception):
    """Something the caller can mend.

    The message is one or two plain sentences: it names the file, line or label, says what was expected and what
    was found, and how to mend it. The command line prints it without a traceback and exits with code 2.
    """


def shown(text: str) -> str:
    r"""`text` with its control characters written out, a line break as \n: names in files must not steer a terminal."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
