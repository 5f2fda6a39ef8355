"""A small bundle, what it is taught in several forms, and the task it makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desire_edge import Bundle, DesireClassifier, Support

FOLDER = Path(__file__).parents[1] / "vectors" / "plain"
BUNDLE = Bundle.open(FOLDER, "cpu")
WIDTH = 13  # of its vectors
TEXTS = ["Bread from a hot oven", "jazz, a trumpet", "a train to Rome", "the linux kernel"]
LISTS = [["baking"], ["jazz", "art"], [], ["art"]]
NAMES = ["baking", "jazz", "art"]
MARKS = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0], [0, 0, 1]])
TABLE = pd.DataFrame(MARKS, columns=NAMES)
TASK = BUNDLE.adapt(Support.of(TEXTS, LISTS))
NEW = ["Warm bread, and jazz.", "a trumpet on a train", "naïve"]


def fitted(**parameters: Any) -> DesireClassifier:
    return DesireClassifier(BUNDLE, **parameters).fit(TEXTS, LISTS)
