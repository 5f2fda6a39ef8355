// Eq. (1), the l2-normalised projection.
#pragma once

#include "matrix.h"
#include "types.h"

namespace desire_edge {

// Logits [S, N] of z [S, d] for labels with word vectors w_novel [d, N].
template <class T>
Matrix<T> project(const Sizes& sizes, const Model<T>& model, const T* w_novel, const T* z);

}  // namespace desire_edge
