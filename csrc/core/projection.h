// Eq. (1), the l2-normalised projection.
#pragma once

#include "matrix.h"
#include "types.h"

namespace desire_edge {

// Logits [S, N] of z [S, d] for labels with word vectors w_novel [d, N]. In double written plainly, in float
// through the kernels (prediction.cpp); so is head_logits.
template <class T>
Matrix<T> project(const Sizes& sizes, const Model<T>& model, const T* w_novel, const T* z);
template <>
Matrix<float> project(const Sizes& sizes, const Model<float>& model, const float* w_novel, const float* z);

}  // namespace desire_edge
