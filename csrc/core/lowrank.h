// Adaptation in low-rank form: the same SGD steps as adapt_dense, in another order of sums.
//
// A step's gradient has rank at most S, so the loop works on what the logits of the S support examples need
// and never on a d x d or B x d matrix; the base labels have gone into p, r and q0 beforehand, or come as the
// task's scores, where p and r are NULL. In double it is written plainly (lowrank.cpp), and what the kernels'
// float is tested against; in float it is inner_loop.h's, packed for the one call.
#pragma once

#include "types.h"

namespace desire_edge {

// T SGD steps from `model` on `task`: the folded head of the adapted model, losses [T + 1], and conditioning
// [2], the largest ||relu(z w1 + b1) w2|| / ||W_Z(z)|| over the support examples before and after.
template <class T>
void adapt_lowrank(const Sizes& sizes, const Model<T>& model, const Task<T>& task, Head<T>& head, T* losses,
                   T* conditioning);
template <>
void adapt_lowrank(const Sizes& sizes, const Model<float>& model, const Task<float>& task, Head<float>& head,
                   float* losses, float* conditioning);

}  // namespace desire_edge
