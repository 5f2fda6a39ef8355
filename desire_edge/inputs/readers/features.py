"""What Hugging Face's data sets say of their columns: the names of labels that stand as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desire_edge.files import parse_json

KEY = b"huggingface"  # of a schema's metadata


def numbered_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """The names of numbers by column, from the metadata of an Arrow schema; {} where it is from elsewhere."""
    try:
        return names_by_column(parse_json((metadata or {})[KEY])["info"]["features"])
    except (KeyError, TypeError, ValueError):
        return {}


def names_by_column(features: Any) -> dict[str, list[str]]:
    """The names that `features` give the numbers of each column that is a ClassLabel, or a list of them."""
    if not isinstance(features, Mapping):
        return {}
    names = {column: _names(feature) for column, feature in features.items()}
    return {column: found for column, found in names.items() if found}


def _names(feature: Any) -> list[str]:
    if isinstance(feature, list) and len(feature) == 1:  # how older versions write a list
        return _names(feature[0])
    if not isinstance(feature, Mapping):
        return []
    if feature.get("_type") == "ClassLabel":
        names = feature.get("names")
        return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else []
    return _names(feature.get("feature"))
