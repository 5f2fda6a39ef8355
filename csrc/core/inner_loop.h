// The inner loop in float32: the low-rank form of lowrank.h, through the kernels, in memory given by the
// caller.
//
// With C = -sum of eta dP1, and A and V transposed and V seen as rows, the state after t steps is
//     P1 = P1_0 + K1 C,    A = A_0 + K_U c,    V^T += (-eta Delta)^T H~,    q in one of three forms:
//   pairs    Q = Q0 + sum over steps of H~^T X + X^T H~, never formed before the last step: T = H~ Q is
//            H~ Q0 + (H~ X^T) H~' + (H~ H~'^T) X over all earlier pairs (H~', X). Cheapest for few examples.
//   gram     Q itself, each step's upper triangle updated and mirrored.
//   weights  W2~ itself, W2~ += H~^T (-eta dF); Q = W2~ W2~^T after the last step. Cheapest for very
//            many examples.
// X is -(eta B2 - (eta^2 / 2) dF dF^T H~): all updates are sums.
#pragma once

#include "packed.h"

namespace desire_edge {

enum class Form { pairs, gram, weights };

using Support = desire_edge_support;

struct InnerLoopResult {
  int64_t steps;          // steps taken into the head
  float conditioning[2];  // before the first and after the last of them
};

// The fastest form for so many examples and steps, by counted multiply-adds.
Form cheapest_form(const PackedModel& model, int64_t examples, int64_t steps);

// Bytes with which every task of at most that many examples, labels and steps can be adapted.
size_t inner_loop_bytes(const PackedModel& model, int64_t S, int64_t N, int64_t T);
size_t inner_loop_bytes(const PackedModel& model, int64_t S, int64_t N, int64_t T, Form form);

// T SGD steps: the adapted model's folded head into the caller's arrays, losses [T + 1], and unless NULL the
// head's logits [S, N] of the support. With `keep_lowest` the head is that of the last step with the lowest
// loss, and steps after one whose loss is not finite are not taken.
InnerLoopResult run_inner_loop(const PackedModel& model, const Labels& labels, const Support& support,
                               Form form, bool keep_lowest, Arena& arena, Head<float>& head, float* losses,
                               float* logits);

}  // namespace desire_edge
