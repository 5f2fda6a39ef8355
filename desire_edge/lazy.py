"""Public names of a package that are imported when they are asked for: what needs none of them starts at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(package: str, rooms: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package: from a name to it, by the module that each is in, as `import_module` takes it."""

    def found(name: str) -> Any:
        if name not in rooms:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(rooms[name], package), name)
        setattr(sys.modules[package], name, value)
        return value

    return found
