"""The one error a user of desire-edge sees."""

from __future__ import annotations


class DesireEdgeError(Exception):
    """Something the caller can mend.

    The message is one or two plain sentences: it names the file, line or label, says what was expected and what
    was found, and how to mend it. The command line prints it without a traceback and exits with code 2.
    """
