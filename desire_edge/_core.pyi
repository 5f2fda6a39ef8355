# The C++ core. Shapes, meaning and errors stand in the functions' docstrings (csrc/python/).
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal, Never, TypeAlias, TypedDict, TypeVar, type_check_only

import numpy as np
from numpy.typing import NDArray

_Float = TypeVar("_Float", bound=np.floating[Any])

class DivergedError(ValueError): ...

@type_check_only
class _Weights(TypedDict, Generic[_Float]):
    w1: NDArray[_Float]  # [d, h]
    b1: NDArray[_Float]  # [h]
    w2: NDArray[_Float]  # [h, d]
    b2: NDArray[_Float]  # [d]
    w_i: NDArray[_Float]  # [B, d]
    gamma1: float
    gamma2: float
    losses: NDArray[_Float]  # [T + 1]

@type_check_only
class _Head(TypedDict, Generic[_Float]):
    w1: NDArray[_Float]  # [d, h]
    b1: NDArray[_Float]  # [h]
    v: NDArray[_Float]  # [h + 1, N]
    q: NDArray[_Float]  # [h + 1, h + 1]
    m: NDArray[_Float]  # [d, N]; [B, N] where scores were given
    gamma1: float
    gamma2: float

@type_check_only
class _AdaptedHead(_Head[_Float], Generic[_Float]):
    losses: NDArray[_Float]  # [T + 1]
    conditioning: NDArray[_Float]  # [2]

_Float32: TypeAlias = NDArray[np.float32]
_Form: TypeAlias = Literal["auto", "pairs", "gram", "weights"]

@type_check_only
class _Adapted(_Head[np.float32]):
    losses: _Float32  # [T + 1]
    logits: _Float32  # [S, N]
    conditioning: tuple[float, float]
    steps: int

@type_check_only
class _Learned(TypedDict):
    w1: _Float32  # [d, h + 1]
    b1: _Float32  # [h + 1]
    v: _Float32  # [h + 1, ways]
    q: _Float32  # [h + 1, h + 1]
    m: _Float32  # [d, ways]; [B, ways] in a model that uses known labels
    used: _Float32  # [ways]
    losses: _Float32  # [T + 1]
    logits: _Float32  # [S, N]
    thresholds: NDArray[np.float64]  # [N]
    steps: int
    conditioning: float

@type_check_only
class _LearnedPrior(TypedDict):
    l: _Float32  # [d, ways]
    m: _Float32  # [k, ways]
    b: _Float32  # [ways]
    alpha: _Float32  # [S, N]
    used: _Float32  # [ways]
    losses: _Float32  # [2]
    logits: _Float32  # [S, N]
    thresholds: NDArray[np.float64]  # [N]
    steps: int
    conditioning: float

class Labels:
    def __init__(self, /, *args: Never, **kwargs: Never) -> None: ...  # Model.labels makes them
    @property
    def count(self) -> int: ...

class Model:
    def __init__(
        self,
        *,
        w1: _Float32,
        b1: _Float32,
        w2: _Float32,
        b2: _Float32,
        gamma1: float,
        gamma2: float,
        q0: _Float32,
        p: _Float32 | None = None,
        r: _Float32 | None = None,
        w_i: _Float32 | None = None,
        w_base: _Float32 | None = None,
        step_sizes: _Float32 | None = None,
        threshold_weights: _Float32 | None = None,
    ) -> None: ...
    def learn(
        self,
        *,
        z: _Float32,
        targets: _Float32,
        mask: _Float32,
        w_novel: _Float32,
        ways: int,
        known_labels: _Float32 | None = None,
    ) -> _Learned: ...
    def labels(self, w_novel: _Float32) -> Labels: ...
    def adapt(
        self,
        labels: Labels,
        *,
        z: _Float32,
        targets: _Float32,
        mask: _Float32,
        step_sizes: _Float32,
        scores: _Float32 | None = None,
        form: _Form = "auto",
        keep_lowest: bool = False,
        out: _Adapted | None = None,
    ) -> _Adapted: ...
    def adapt_many(
        self,
        tasks: Sequence[Mapping[str, _Float32]],
        *,
        threads: int,
        form: _Form = "auto",
        keep_lowest: bool = False,
    ) -> list[_Adapted | Exception]: ...

class PriorModel:
    def __init__(
        self,
        *,
        name_mean: _Float32,
        r: _Float32,
        inference: _Float32,
        scalars: _Float32,
        threshold_weights: _Float32,
        name_map: _Float32 | None = None,
        known_labels: bool = False,
    ) -> None: ...
    def learn(
        self,
        *,
        z: _Float32,
        targets: _Float32,
        mask: _Float32,
        w_novel: _Float32,
        ways: int,
        known_labels: _Float32 | None = None,
    ) -> _LearnedPrior: ...
    def held_out_loss(
        self,
        *,
        z: _Float32,
        targets: _Float32,
        mask: _Float32,
        w_novel: _Float32,
        known_labels: _Float32 | None = None,
    ) -> float: ...

def version() -> str: ...
def kernels() -> list[str]: ...
def project(
    *,
    z: NDArray[_Float],
    w1: NDArray[_Float],
    b1: NDArray[_Float],
    w2: NDArray[_Float],
    b2: NDArray[_Float],
    gamma1: float,
    gamma2: float,
    w_base: NDArray[_Float],
    w_i: NDArray[_Float],
    w_novel: NDArray[_Float],
) -> NDArray[_Float]: ...

MAX_CONDITIONING: float
PRIOR_SCALARS: int
THRESHOLD_WEIGHTS: int

def thresholds(
    *, logits: _Float32, targets: _Float32, mask: _Float32, weights: _Float32
) -> NDArray[np.float64]: ...

# Plain references, for tests.

def adapt_dense(
    *,
    z: NDArray[_Float],
    targets: NDArray[_Float],
    mask: NDArray[_Float],
    w_novel: NDArray[_Float],
    step_sizes: NDArray[_Float],
    w1: NDArray[_Float],
    b1: NDArray[_Float],
    w2: NDArray[_Float],
    b2: NDArray[_Float],
    gamma1: float,
    gamma2: float,
    w_base: NDArray[_Float],
    w_i: NDArray[_Float],
) -> _Weights[_Float]: ...
def adapt_lowrank(
    *,
    z: NDArray[_Float],
    targets: NDArray[_Float],
    mask: NDArray[_Float],
    w_novel: NDArray[_Float],
    step_sizes: NDArray[_Float],
    w1: NDArray[_Float],
    b1: NDArray[_Float],
    w2: NDArray[_Float],
    b2: NDArray[_Float],
    gamma1: float,
    gamma2: float,
    q0: NDArray[_Float],
    p: NDArray[_Float] | None = None,
    r: NDArray[_Float] | None = None,
    scores: NDArray[_Float] | None = None,
    w_i: NDArray[_Float] | None = None,
) -> _AdaptedHead[_Float]: ...

_Float64: TypeAlias = NDArray[np.float64]

@type_check_only
class _Prior(TypedDict):
    l: _Float64  # [d, N]
    m: _Float64  # [k, N]
    b: _Float64  # [N]
    logits: _Float64  # [S, N]
    losses: _Float64  # [2]

def adapt_prior(
    *,
    z: _Float64,
    targets: _Float64,
    mask: _Float64,
    w_novel: _Float64,
    name_mean: _Float64,
    r: _Float64,
    inference: _Float64,
    scalars: _Float64,
    name_map: _Float64 | None = None,
    known_labels: _Float64 | None = None,
) -> _Prior: ...
def fold(
    *,
    w1: NDArray[_Float],
    b1: NDArray[_Float],
    w2: NDArray[_Float],
    b2: NDArray[_Float],
    gamma1: float,
    gamma2: float,
    w_base: NDArray[_Float],
    w_i: NDArray[_Float],
    w_novel: NDArray[_Float],
) -> _Head[_Float]: ...
def head_logits(
    *,
    z: NDArray[_Float],
    w1: NDArray[_Float],
    b1: NDArray[_Float],
    v: NDArray[_Float],
    q: NDArray[_Float],
    m: NDArray[_Float],
    gamma1: float,
    gamma2: float,
    r: NDArray[_Float] | None = None,
    scores: NDArray[_Float] | None = None,
) -> NDArray[_Float]: ...
