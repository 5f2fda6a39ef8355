"""A run measured on one's own data, beside what a user would write: cell by cell (`cells`), and all of
`desire-edge benchmark own`: what is asked for (`plan`), made (`runner`), kept (`kept`), and shown.
"""

from desire_edge.evaluation.own.cells import (
    CELLS,
    Cell,
    all_eligible,
    compare,
    measured,
    novel_tasks,
)

__all__ = ["CELLS", "Cell", "all_eligible", "compare", "measured", "novel_tasks"]
