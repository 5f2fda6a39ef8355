"""The low-rank recurrence in numpy: the same algorithm as the core's, on the same BLAS as anyone's numpy."""

from __future__ import annotations

import numpy as np
from problem import Array, Head

from desire_edge.models import EPSILON

from .contender import InProcess

MAX_HISTORY = 60
"""Rows S·T up to which Q's updates are kept as factors and multiplied out once: where that was measured faster."""


class Gram:
    """Q = W2~ W2~ᵀ under updates Q −= H~ᵀ X + Xᵀ H~, applied at once."""

    def __init__(self, q0: Array) -> None:
        self._q = q0.copy()

    def times(self, tilde: Array) -> Array:
        """H~ Q."""
        product: Array = tilde @ self._q
        return product

    def update(self, tilde: Array, x: Array) -> None:
        """Q −= H~ᵀ X + Xᵀ H~."""
        change = tilde.T @ x
        self._q -= change
        self._q -= change.T

    def value(self) -> Array:
        """Q as it stands."""
        return self._q


class FactoredGram(Gram):
    """The same, with the updates kept as stacks of H~ and X until the end."""

    def __init__(self, q0: Array, rows: int) -> None:
        self._q = q0
        self._left, self._right = (np.empty((2 * rows, len(q0)), q0.dtype) for _ in range(2))
        self._rows = 0

    def times(self, tilde: Array) -> Array:
        """H~ Q."""
        product: Array = tilde @ self._q
        if self._rows:
            product -= (tilde @ self._left[: self._rows].T) @ self._right[: self._rows]
        return product

    def update(self, tilde: Array, x: Array) -> None:
        """Q −= H~ᵀ X + Xᵀ H~."""
        middle, end = self._rows + len(x), self._rows + 2 * len(x)
        self._left[self._rows : middle], self._left[middle:end] = tilde, x
        self._right[self._rows : middle], self._right[middle:end] = x, tilde
        self._rows = end

    def value(self) -> Array:
        """Q as it stands."""
        value: Array = self._q - self._left[: self._rows].T @ self._right[: self._rows]
        return value


class NumpyLowrank(InProcess[Head]):
    """The recurrence, with what a step does not change computed once."""

    name = "numpy"

    def adapt(self) -> Head:
        """The work that is timed."""
        given = self.problem
        z, w_novel, step_sizes = given.z, given.w_novel, given.step_sizes.tolist()
        S, h = len(z), len(given.b1)
        weight = given.mask / given.mask.sum()
        hidden_in = z @ given.w1 + given.b1
        lengths = np.diagonal(given.r)
        base = z * lengths
        rho = np.sqrt(np.einsum("sd,sd->s", base, base) + EPSILON**2)[:, None]
        base /= rho
        m = given.p @ w_novel
        z_gram, base_gram, label_gram = z @ z.T + 1, base @ base.T, w_novel.T @ w_novel
        inferred = (z @ m) / rho
        v = np.vstack([given.w2 @ w_novel, given.b2 @ w_novel])
        steps = len(step_sizes)
        gram = FactoredGram(given.q0, S * steps) if S * steps <= MAX_HISTORY else Gram(given.q0)
        gamma1, gamma2 = given.gamma1, given.gamma2
        w1_change, w_i_change = np.zeros_like(hidden_in), np.zeros_like(inferred)
        for eta1, eta2, eta_i, eta_gamma1, eta_gamma2 in step_sizes:
            tilde = np.ones((S, h + 1), z.dtype)
            np.maximum(hidden_in, 0, out=tilde[:, :-1])
            t = gram.times(tilde)
            norms = np.sqrt(np.einsum("sh,sh->s", t, tilde) + EPSILON**2)[:, None]
            y = tilde @ v
            unit = y / norms
            logits = gamma1 * unit + gamma2 * inferred
            error = weight * (1 / (1 + np.exp(-logits)) - given.targets)

            scaled = (gamma1 / norms) * error
            along = np.einsum("sn,sn->s", scaled, unit)[:, None] / norms
            d_tilde = scaled @ v.T
            d_tilde -= along * t
            d_y = scaled @ label_gram - along * y
            outer = (
                d_y @ scaled.T - (scaled @ y.T) * along.T + along * (t @ tilde.T) * along.T
            )  # dF dFᵀ with dF = ∂loss/∂W_Z(z)
            d_hidden = d_tilde[:, :-1] * (hidden_in > 0)
            gamma1_change = eta_gamma1 * float(np.vdot(error, unit))
            gamma2_change = eta_gamma2 * float(np.vdot(error, inferred))

            d_tilde *= eta2
            d_tilde -= (eta2 * eta2 / 2 * outer) @ tilde
            gram.update(tilde, d_tilde)
            v -= eta2 * (tilde.T @ d_y)
            d_hidden *= eta1
            w1_change += d_hidden
            hidden_in -= z_gram @ d_hidden
            d_inferred = eta_i * gamma2 * (error @ label_gram)
            w_i_change += d_inferred
            inferred -= base_gram @ d_inferred
            gamma1 -= gamma1_change
            gamma2 -= gamma2_change
        return Head(
            w1=given.w1 - z.T @ w1_change,
            b1=given.b1 - w1_change.sum(axis=0),
            v=v,
            q=gram.value(),
            m=m - lengths[:, None] * (base.T @ w_i_change),
            gamma1=gamma1,
            gamma2=gamma2,
        )

    def head(self, result: Head) -> Head:
        """The result as numpy arrays."""
        return result
