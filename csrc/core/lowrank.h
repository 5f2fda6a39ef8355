// Adaptation in low-rank form: the same SGD steps as adapt_dense, in another order of sums.
//
// A step's gradient has rank at most S, so the loop works on what the logits of the S support examples need
// and never on a d x d or B x d matrix; the base labels have gone into p, r and q0 beforehand, or come as the
// task's scores, where p and r are NULL. Here it is written plainly, for double: what the kernels' float
// (inner_loop.h) is tested against, and what an ill-conditioned model is adapted by.
#pragma once

#include "types.h"

namespace desire_edge {

// T SGD steps from `model` on `task`: the folded head of the adapted model, losses [T + 1], and conditioning
// [2], the largest ||relu(z w1 + b1) w2|| / ||W_Z(z)|| over the support examples before and after.
template <class T>
void adapt_lowrank(const Sizes& sizes, const LowrankModel<T>& model, const Task<T>& task, Head<T>& head,
                   T* losses, T* conditioning);

}  // namespace desire_edge
