"""The core of this project through its C ABI."""

from __future__ import annotations

import ctypes
import time
from functools import cache
from pathlib import Path

import numpy as np
from native import build_native
from problem import Array, Head, Problem

from .contender import InProcess
from .ours import HEAD, MODEL, SUPPORT


class OursInC(InProcess[Head]):
    """The C ABI, called through ctypes with everything prepared: what is left is the core, and about 1 µs of ctypes.

    Arrays and workspace are allocated beforehand, as a C program would have them.
    """

    name = "ours_in_c"

    def __init__(self, problem: Problem, folder: Path | None = None) -> None:
        """Load the library of `folder`, by default one that is built of this working tree."""
        super().__init__(problem)
        (S, d), N, T = problem.z.shape, problem.w_novel.shape[1], len(problem.step_sizes)
        h = len(problem.b1)
        self._library = _library(folder or build_native())
        self._model = ctypes.c_void_p()
        sizes = _Sizes(S, N, d, h, 0, T)
        given = {name: getattr(problem, name) for name in MODEL}
        arrays = _Model(
            **{name: value if isinstance(value, float) else _pointer(value) for name, value in given.items()}
        )
        create = self._library.desire_edge_model_create
        self._checked(
            create(
                ctypes.byref(sizes),
                ctypes.byref(arrays),
                ctypes.byref(self._model),
                None,
                ctypes.c_size_t(0),
            )
        )
        w1, b1, v, q, m = (
            np.empty(shape, np.float32) for shape in ((d, h), (h,), (h + 1, N), (h + 1, h + 1), (d, N))
        )
        self._head = Head(w1, b1, v, q, m, 0.0, 0.0)
        self._losses = np.empty(T + 1, np.float32)
        self._support = _Support(S, T, *(_pointer(getattr(problem, name)) for name in SUPPORT), None)
        self._adapted = _Adapted()
        for name in HEAD[:-2]:
            setattr(self._adapted.head, name, _pointer(getattr(self._head, name)))
        self._adapted.losses = _pointer(self._losses)
        workspace_bytes = self._library.desire_edge_adapt_workspace(self._model, S, N, T, 0)
        self._workspace = np.empty(workspace_bytes, np.uint8)
        self._labels = ctypes.c_void_p()
        self._labels_arguments = (
            self._model, ctypes.c_int64(N), _pointer(problem.w_novel), ctypes.byref(self._labels), None,
            ctypes.c_size_t(0),
        )  # fmt: skip
        self._arguments = (
            self._model, self._labels, ctypes.byref(self._support), None, _pointer(self._workspace),
            ctypes.c_size_t(workspace_bytes), ctypes.byref(self._adapted), None, ctypes.c_size_t(0),
        )  # fmt: skip

    def adapt(self) -> Head:
        """The work that is timed."""
        library = self._library
        status = library.desire_edge_labels_create(*self._labels_arguments)
        status |= library.desire_edge_adapt(*self._arguments)
        library.desire_edge_labels_destroy(self._labels)
        self._checked(status)
        return self._head

    def head(self, result: Head) -> Head:
        """The result as numpy arrays."""
        factors = self._adapted.head
        return Head(result.w1, result.b1, result.v, result.q, result.m, factors.gamma1, factors.gamma2)

    def close(self) -> None:
        """Give the model back."""
        self._library.desire_edge_model_destroy(self._model)

    def _checked(self, status: int) -> None:
        assert status == 0, f"the core says {status}"


def empty_call_seconds() -> float:
    """What ctypes takes for the three calls of `OursInC` when they do nothing."""
    library = _library(build_native())
    nothing = ctypes.c_void_p()
    seconds = []
    for _ in range(1000):
        started = time.perf_counter()
        for _ in range(3):
            library.desire_edge_labels_destroy(nothing)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


class _Sizes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("S", "N", "d", "h", "B", "T")]


class _Model(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("w1", "b1", "w2", "b2")),
        *((name, ctypes.c_float) for name in ("gamma1", "gamma2")),
        *(
            (name, ctypes.c_void_p)
            for name in ("w_base", "w_i", "p", "r", "q0", "step_sizes", "threshold_weights")
        ),
    ]


class _Support(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("examples", "steps")),
        *((name, ctypes.c_void_p) for name in (*SUPPORT, "scores")),
    ]


class _Head(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("w1", "b1", "v", "q", "m")),
        *((name, ctypes.c_float) for name in ("gamma1", "gamma2")),
    ]


class _Adapted(ctypes.Structure):
    _fields_ = [
        ("head", _Head),
        ("losses", ctypes.c_void_p),
        ("logits", ctypes.c_void_p),
        ("steps", ctypes.c_int64),
        ("conditioning", ctypes.c_float * 2),
    ]


@cache
def _library(folder: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(folder / "libdesire_edge.so"))
    library.desire_edge_adapt_workspace.restype = ctypes.c_size_t
    library.desire_edge_adapt_workspace.argtypes = [
        ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int,
    ]  # fmt: skip
    library.desire_edge_labels_destroy.restype = None
    library.desire_edge_model_destroy.restype = None
    return library


def _pointer(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
