"""Multiply-adds and bytes of one adaptation: of the smallest algorithm we know, whatever the code happens to do.

The algorithm is the low-rank form: z [S, d], targets, w_novel [d, N] and the model as exported (w1, P, R, Q0, W2~) to
the folded head (w1', b1', V', Q', M', γ), and the loss before each of T steps and after the last. Counted are the
products of matrices; what is O(S (d + h + N)) a step (norms, sigmoids) is not, and so is R, which is diagonal in a
bundle. A product whose result is symmetric counts half. h~ is h + 1.

    labels      P W_novel: d d N;  W2~ W_novel: h~ d N;  G = W_novelᵀ W_novel: N² d / 2
    before      Z W_1: S d h;  Z (P W_novel): S d N;  K1 and K_U: S² d / 2 each
    forward     T = H~ Q: S h~²;  n² = T·H~: S h~;  Y = H~ V: S h~ N                                    (T + 1 times)
    step        D Vᵀ: S N h~;  D G, E G: 2 S N²;  K1 dP1: S² h;  V −= H~ᵀ Δ: h~ S N;  K_U (E G): S² N
                T H~ᵀ: S² h~ / 2;  Δ Dᵀ and D Yᵀ: 1.5 S² N;  X = … H~: S² h~;  H~ᵀ X + Xᵀ H~: S h~²        (T times)
    after       W_1': S d h;  M': d S N

Where S is large, W_2~ itself is cheaper to carry than Q (every other line stands):

    forward     F = H~ W2~: S h~ d;  F W_novel: S d N                 in place of T and Y
    step        D W_novelᵀ: S d N;  dF W2~ᵀ: S d h~;  W2~ −= H~ᵀ dF: h~ S d   in place of D Vᵀ, D G, V, T H~ᵀ to Q
    after       Q' = W2~ W2~ᵀ: h~² d / 2;  V': h~ d N

A history of (H~, X) in place of the updates of Q saves memory traffic in the loop and no multiply-add, since Q' is
wanted in the end; so the count takes the cheaper of two.
"""

from __future__ import annotations

FLOAT_BYTES = 4


def multiply_adds(S: int, N: int, d: int, h: int, T: int) -> float:
    """Those of the cheaper form."""
    return min(_gram(S, N, d, h, T), _explicit(S, N, d, h, T))


def dense_multiply_adds(S: int, N: int, d: int, h: int, B: int, T: int) -> float:
    """Those of SGD on w1, w2 and w_i [B, d] as they stand, then the fold: what a training framework does."""
    before = S * d * B
    forward = 2 * S * d * h + S * B * d + S * d * N
    backward = S * d * N + 2 * S * d * h + S * h * d + S * B * d  # no gradient at z or at the base scores
    after = (h + 1) * d * N + (h + 1) ** 2 * d / 2 + B * d * N * 2
    return before + T * (forward + backward) + after


def necessary_bytes(N: int, d: int, h: int) -> float:
    """What must be read and written at least once: w1, Q0, P, W2~ and the head; float32."""
    read = d * h + (h + 1) ** 2 + d * d + (h + 1) * d
    written = d * h + (h + 1) ** 2 + (h + 1) * N + d * N
    return FLOAT_BYTES * (read + written)


def _shared(S: int, N: int, d: int, h: int) -> tuple[float, float, float, float]:
    labels = d * d * N + (h + 1) * d * N + N * N * d / 2
    before = S * d * h + S * d * N + S * S * d
    step = S * N * N + S * S * h + S * S * N  # E G, K1 dP1, K_U (E G)
    after = S * d * h + d * S * N
    return labels, before, step, after


def _gram(S: int, N: int, d: int, h: int, T: int) -> float:
    labels, before, step, after = _shared(S, N, d, h)
    tilde = h + 1
    forward = S * tilde * tilde + S * tilde + S * tilde * N
    step += S * N * tilde + S * N * N + tilde * S * N
    step += S * S * tilde / 2 + 1.5 * S * S * N + S * S * tilde + S * tilde * tilde
    return labels + before + (T + 1) * forward + T * step + after


def _explicit(S: int, N: int, d: int, h: int, T: int) -> float:
    labels, before, step, after = _shared(S, N, d, h)
    tilde = h + 1
    forward = S * tilde * d + S * d * N
    step += S * d * N + 2 * S * d * tilde
    after += tilde * tilde * d / 2 + tilde * d * N
    return labels - tilde * d * N + before + (T + 1) * forward + T * step + after
