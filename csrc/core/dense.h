// Adaptation in the model's own form: the plain reference the low-rank form is held to.
#pragma once

#include "types.h"

namespace desire_edge {

// T SGD steps from `model` on `task` into the caller's arrays: adapted weights, and losses [T + 1].
template <class T>
void adapt_dense(const Sizes& sizes, const Model<T>& model, const Task<T>& task, Weights<T>& adapted,
                 T* losses);

}  // namespace desire_edge
