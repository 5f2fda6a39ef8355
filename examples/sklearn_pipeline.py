"""A bundle in scikit-learn's tools: a pipeline, a grid search, a cross-validated score, more labels, a file to ship.

Run it with a bundle of texts: `python examples/sklearn_pipeline.py tagger.desire`, as `desire-edge export` makes them.
"""

from __future__ import annotations

import argparse
import html
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from desire_edge import DesireClassifier

PAGES = pd.DataFrame(
    [
        ("<p>Sourdough needs a hot oven, a long rest and strong flour.</p>", 1, 0, 0),
        ("<p>The cathedral&#39;s tower was built by masons of the 13th century.</p>", 0, 1, 1),
        ("<p>The king signed the treaty that ended the long war.</p>", 0, 1, 0),
        ("<p>Roast the garlic, then stir it into the soup with cream.</p>", 1, 0, 0),
        ("<p>Ruins of the Roman empire: a city, its walls, its baths.</p>", 0, 1, 1),
        ("<p>Steel beams carry the roof of the new station hall.</p>", 0, 0, 1),
        ("<p>Flour and bread were rationed after the war.</p>", 1, 1, 0),
        ("<p>The architect drew a house of glass and concrete.</p>", 0, 0, 1),
        ("<p>Knead butter and sugar into the dough &amp; bake it golden.</p>", 1, 0, 0),
    ],
    columns=["page", "cooking", "history", "architecture"],
)
LABELS = ["cooking", "history", "architecture"]


def without_tags(pages: Iterable[str]) -> list[str]:
    """The text of pages of HTML."""
    return [html.unescape(re.sub(r"<[^>]+>", " ", page)) for page in pages]


def main() -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path, help="a bundle of texts")
    parser.add_argument(
        "--out", type=Path, default=Path("taught"), help="where the model goes (default: taught)"
    )
    arguments = parser.parse_args()

    pipeline = Pipeline(
        [("text", FunctionTransformer(without_tags)), ("labels", DesireClassifier(arguments.bundle))]
    )
    pages, y = PAGES["page"], PAGES[LABELS]  # the columns' names are the labels' names
    folds = KFold(3)  # each has pages of every label

    scores = cross_val_score(pipeline, pages, y, cv=folds, scoring="average_precision")
    print(f"average precision over 3 folds: {scores.mean():.2f} (± {scores.std():.2f})")

    search = GridSearchCV(
        pipeline, {"labels__missing": ["negative", "unknown"]}, cv=folds, scoring="average_precision"
    ).fit(pages, y)
    print(f"a label that is not marked is taken for: {search.best_params_['labels__missing']}")

    new = ["<p>Bake the loaf in a hot oven.</p>", "<p>A castle of stone, older than the kingdom.</p>"]
    print(pd.DataFrame(search.predict_proba(new), columns=LABELS).round(2).to_string())

    # A label that nobody thought of before, from its name and two more examples.
    classifier = search.best_estimator_.named_steps["labels"]
    classifier.partial_fit(
        ["The violin concerto opens with a slow melody.", "The choir sang in the old cathedral."],
        [["music"], ["music", "architecture"]],
    )
    print(f"it knows {', '.join(classifier.label_names_)} now")
    classifier.task_.save(arguments.out)
    print(f"any ONNX Runtime runs {arguments.out / 'model.onnx'}")


if __name__ == "__main__":
    main()
