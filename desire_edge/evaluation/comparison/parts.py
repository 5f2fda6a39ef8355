"""Parts of a comparison kept on disk, so that a stopped one goes on and a longer one starts from a shorter one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_path, read_json, write_json


def json_part(path: Path, settings: Mapping[str, Any], make: Callable[[], Any]) -> Any:
    """What `path` holds if it was made with these settings; else what `make` returns, written there first."""
    kept = kept_part(path, settings)
    if kept is not None:
        return kept
    value = make()
    write_json(path, {"settings": _plain(settings), "value": value})
    return value


def kept_part(path: Path, settings: Mapping[str, Any]) -> Any:
    """What `path` holds if it was made with these settings, else None."""
    try:
        kept = read_json(path) if path.is_file() else None
    except DesireEdgeError:
        return None  # cut off by something else than us: made again
    return kept.get("value") if isinstance(kept, dict) and kept.get("settings") == _plain(settings) else None


def tensor_part(
    path: Path, settings: Mapping[str, Any], make: Callable[[], tuple[dict[str, Tensor], Mapping[str, Any]]]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The same for tensors and a few JSON values beside them."""
    wanted = json.dumps(_plain(settings), sort_keys=True)
    if path.is_file():
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("settings") == wanted:
                    tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
                    return tensors, json.loads(metadata["values"])
        except (OSError, SafetensorError, KeyError, ValueError):
            path.unlink()  # likewise
    tensors, values = make()
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, {"settings": wanted, "values": json.dumps(dict(values))})
    return tensors, dict(values)


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Short and the same for equal settings: what tells whether a figure on record is of these."""
    return hashlib.sha256(json.dumps(_plain(settings), sort_keys=True).encode()).hexdigest()[:12]


def _plain(settings: Mapping[str, Any]) -> Any:
    """As JSON gives it back: tuples become lists."""
    return json.loads(json.dumps(settings))
