"""Manifests, as patches of the bundles' own, and tasks for the bundles."""

from __future__ import annotations

from typing import Any

from vectors.refusals.content import refused, taken

HASH = "0" * 64
BREAD = {"text": "Bread from a hot oven", "labels": ["baking"]}
TOKENS = {
    "kind": "tokens",
    "longest": 8,
    "vocabulary_size": 9,
    "pad": 0,
    "files": {"tokenizer.json": HASH},
}
EARLIER = {"head": None, "hidden": 5, "conditioning": 1.5, "names": None}
"""What makes a manifest of the paper's head one of an earlier schema, but for its number."""
JAZZ = {"text": "jazz: a trumpet!", "labels": ["jazz"]}


def manifests() -> list[dict[str, Any]]:
    """Patches (RFC 7396) of a bundle's manifest.json, and whether it still opens."""
    wrong: dict[str, list[Any]] = {
        **{
            name: [0, -1, 2.5, "4", True, None, [4], 2**31]
            for name in ("dimension", "opset", "ways", "batch", "max_support")
        },
        "name": [7, None],
        "base_labels": [[], "cooking", ["cooking", 7], None, {"cooking": 1}],
        "known_labels": ["true", 1, None],
        "precision": ["fp8", "FP32", 32, None],
        "head": [
            *([], None, "prior", [["kind", "prior"]], {"kind": "sgd"}, {"kind": 5}, {"kind": None}),
            *({"hidden": value} for value in (0, -1, 2.5, "4", True, None, [4], 2**31)),
            *({"conditioning": value} for value in (-1, "x", "1.5", None, [1])),
        ],
        "training": [[], "here", None],
        "files": [[], None],
        "names": [
            *([], None, "lexicon", {"kind": "words"}, {"kind": 5}, {"dimension": 5}),
            *({"dimension": value} for value in (0, -1, 2.5, "6", True, None, [6], 2**31)),
        ],
    }
    inputs: dict[str, Any] = {
        "null": None,
        "a string": "bag-of-words",
        "another kind": {"kind": "images"},
        "a kind that programming languages know": {"kind": "constructor"},
        "no kind": {"kind": None},
        "no vocabulary": {"vocabulary": None},
        "an empty vocabulary": {"vocabulary": []},
        "a vocabulary in a string": {"vocabulary": "bread"},
        "a vocabulary with a number": {"vocabulary": ["bread", 7], "features": 2},
        "another number of features": {"features": 12},
        "features in a string": {"features": "13"},
        "no features": {"features": None},
        "a vector of no features": {"kind": "vector", "features": 0, "vocabulary": []},
        "a vector of a fraction": {"kind": "vector", "features": 2.5, "vocabulary": []},
        "pictures of four channels": {"kind": "image", "channels": 4},
        "pictures without channels": {"kind": "image"},
        "tokens without a tokenizer": TOKENS | {"files": None},
        "tokens of another file": TOKENS | {"files": {"vocabulary.txt": HASH}},
        "tokens with a digest that is none": TOKENS | {"files": {"tokenizer.json": "0" * 63 + "g"}},
        "tokens whose file is not in the bundle": TOKENS,
        "no token": TOKENS | {"longest": 0},
        "more tokens than can be": TOKENS | {"longest": 2**16 + 1},
        "half a token": TOKENS | {"longest": 2.5},
        "tokens of no vocabulary": TOKENS | {"vocabulary_size": 0},
        "a negative pad": TOKENS | {"pad": -1},
        "a lexicon of odd width": {"kind": "lexicon", "features": 3, "files": {"lexicon.safetensors": HASH}},
        "a lexicon of no width": {"kind": "lexicon", "features": 0, "files": {"lexicon.safetensors": HASH}},
        "a lexicon without a digest": {"kind": "lexicon", "features": 4},
    }
    files: dict[str, Any] = {
        "one too few": {"head.onnx": None},
        "one too many": {"more.onnx": {"bytes": 1, "sha256": HASH}},
        "no digest": {"head.onnx": {"sha256": None}},
        "no length": {"head.onnx": {"bytes": None}},
        "a digest that is none": {"head.onnx": {"sha256": "0" * 63 + "g"}},
        "a digest that is short": {"head.onnx": {"sha256": "0" * 63}},
        "a digest in capitals": {"head.onnx": {"sha256": "A" * 64}},
        "a length in a string": {"head.onnx": {"bytes": "1"}},
        "a negative length": {"head.onnx": {"bytes": -1}},
        "a record that is none": {"head.onnx": "head"},
    }
    cases = [
        taken("as it is", True, bundle="plain", patch={}),
        taken("as it is, with known labels", True, bundle="known", patch={}),
        taken("a key of a later version", True, bundle="plain", patch={"later": {"a": 1}}),
        taken("as it is, with the head prior", True, bundle="prior", patch={}),
        taken("words by their numbers", True, bundle="sparse", patch={}),
        refused("sparse as a string", "manifest", bundle="sparse", patch={"input": {"sparse": "yes"}}),
        taken("schema 3", True, bundle="earlier/plain",
            patch={**EARLIER, "schema_version": 3, "extractor_body": 2558}),
        taken("schema 4", True, bundle="earlier/plain", patch={**EARLIER, "schema_version": 4}),
        taken("schema 6", True, bundle="earlier/known", patch={}),
        refused("schema 7 of an earlier one's files", "manifest", bundle="earlier/plain", patch={"schema_version": 7}),
        refused("schema 6 of a later one's files", "manifest", bundle="plain", patch={"schema_version": 6}),
        taken("schema 5", True, bundle="earlier/plain",
            patch={**EARLIER, "schema_version": 5, "names": {"kind": "lexicon", "dimension": None}}),
        refused("schema 5 without where names come from", "manifest", bundle="earlier/plain",
            patch={**EARLIER, "schema_version": 5}),
        refused("schema 5 without hidden units", "manifest", bundle="earlier/plain",
            patch={**EARLIER, "schema_version": 5, "names": {"kind": "lexicon"}, "hidden": None}),
        taken("names of another dimension than features", True, bundle="prior", patch={"names": {"dimension": 6}}),
        refused("the head prior of no dimension of names", "manifest", bundle="prior",
            patch={"names": {"dimension": None}}),
        taken("made before Unicode's version was said", True, bundle="plain", patch={"input": {"unicode": None}}),
        taken("Unicode 14", True, bundle="known", patch={"input": {"unicode": "14.0.0"}}),
        refused("a later Unicode", "unicode-version", bundle="plain", patch={"input": {"unicode": "17.0.0"}}),
        refused("an earlier Unicode", "unicode-version", bundle="known", patch={"input": {"unicode": "13.0.0"}}),
        refused("Unicode as a number", "unicode-version", bundle="plain", patch={"input": {"unicode": 14}}),
    ]  # fmt: skip
    for version in (2, 8, "3", "4", None, [4], True):
        cases.append(
            refused(
                f"schema version {version!r}", "schema", bundle="plain", patch={"schema_version": version}
            )
        )
    for name, values in wrong.items():
        cases += [
            refused(f"{name} is {value!r}", "manifest", bundle="plain", patch={name: value})
            for value in values
        ]
    for name in ("ways", "batch", "max_support"):
        cases.append(refused(f"{name} is 4097", "manifest", bundle="known", patch={name: 4097}))
    cases += [
        refused(f"input: {about}", "manifest", bundle="plain", patch={"input": value})
        for about, value in inputs.items()
    ]
    cases += [
        refused(f"files: {about}", "manifest", bundle="plain", patch={"files": value})
        for about, value in files.items()
    ]
    for name in ("base.onnx", "lexicon.safetensors"):
        cases += [
            refused(f"{name} changed", "bundle-changed", bundle="plain", patch={"files": {name: {"sha256": HASH}}}),
            refused(f"{name} of another length", "bundle-changed", bundle="known",
                patch={"files": {name: {"bytes": 7}}}),
        ]  # fmt: skip
    return cases


def tasks() -> list[dict[str, Any]]:
    """Tasks, and the labels they teach."""
    both = [BREAD, JAZZ]
    many = [f"label {number}" for number in range(1, 6)]

    def one(
        about: str, result: Any, support: list[dict[str, Any]], labels: Any = None, **more: Any
    ) -> dict[str, Any]:
        given = {"bundle": "plain", "support": support, "labels": labels, "missing": "negative", **more}
        if isinstance(result, str):
            return refused(about, result, **given)
        return taken(about, {"labels": result}, **given)

    def example(*labels: Any, **more: Any) -> dict[str, Any]:
        return {"text": "bread", "labels": [*labels], **more}

    return [
        one("the labels of the examples, in order", ["jazz", "baking"], [JAZZ, BREAD]),
        one("the labels asked for, in order", ["jazz", "travel", "baking"], both, ["jazz", "travel", "baking"]),
        one("names alone", ["baking", "jazz"], [], ["baking", "jazz"]),
        one("as many as there are ways", many[:4], [], many[:4]),
        one("a negative label is a label", ["baking", "jazz"], [example("baking", negative_labels=["jazz"])]),
        one("missing is unknown", ["baking", "jazz"], both, missing="unknown"),
        one("names are cleaned", ["café", "jazz"], [example("cafe\u0301"), example("\u200bjazz", " café ")]),
        one("names asked for are cleaned", ["café"], [example("café")], ["cafe\u0301\u200b "]),
        one("known labels", ["baking"], [{**BREAD, "known_labels": ["cooking", "music"]}], bundle="known"),
        one("known labels are cleaned", ["baking"], [{**BREAD, "known_labels": [" coo\u00adking"]}], bundle="known"),
        one("no known label, where none is used", ["baking"], [{**BREAD, "known_labels": []}]),
        one("no label at all", "labels-none", []),
        one("no example with a label", "labels-none", [example()]),
        one("no label asked for", "labels-none", [], []),
        one("more labels than ways", "labels-many", [], many),
        one("more labels than ways, by examples", "labels-many", [example(*many)]),
        one("a label that is not asked for", "label-unasked", both, ["baking"]),
        one("a negative label that is not asked for", "label-unasked",
            [example("baking", negative_labels=["jazz"])], ["baking"]),
        one("a known label that is no base label", "known-unknown",
            [{**BREAD, "known_labels": ["linux"]}], bundle="known"),
        one("a known label in other letters", "known-unknown",
            [{**BREAD, "known_labels": ["Cooking"]}], bundle="known"),
        one("known labels where none are used", "known-unused", [{**BREAD, "known_labels": ["cooking"]}]),
        one("missing in other letters", "missing-value", both, missing="Negative"),
        one("missing as something else", "missing-value", both, missing="positive"),
        one("missing as nothing", "missing-value", both, missing=""),
        one("names asked for twice", "name-twice", [], ["café", "cafe\u0301"]),
        one("an example's label twice", "name-twice", [example("baking", "baking ")]),
        one("an example's known label twice", "name-twice",
            [{**BREAD, "known_labels": ["music", "music"]}], bundle="known"),
        one("an example's label and its negative", "name-both", [example("baking", negative_labels=["baking"])]),
        one("an empty name asked for", "name-empty", [], ["baking", ""]),
        one("an example's empty name", "name-empty", [example("\u200b")]),
        one("a long name asked for", "name-long", [], ["a" * 201]),
        one("a name asked for with a control character", "name-control", [], ["a\x07b"]),
        one("a number asked for", "name-type", [], [7]),
        one("one string asked for", "names-type", [], "baking"),
        one("one string as an example's labels", "names-type", [{"text": "bread", "labels": "baking"}]),
    ]  # fmt: skip
