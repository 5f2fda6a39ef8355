// The folded head: Eq. (1) for one label set, with nothing left that grows with the number of base labels.
#pragma once

#include <algorithm>

#include "matrix.h"
#include "types.h"

namespace desire_edge {

// Logits [S, N] of z [S, d], given r [d, d] with ||z r^T|| = ||z W_base||, or NULL and the base labels'
// scores [S, B].
template <class T>
Matrix<T> head_logits(const Sizes& sizes, const Head<T>& head, const T* r, const T* scores, const T* z);
template <>
Matrix<float> head_logits(const Sizes& sizes, const Head<float>& head, const float* r, const float* scores,
                          const float* z);

// [relu(a), 1]: a row of hidden units and the constant that its bias multiplies.
template <class T>
Matrix<T> relu_with_one(const Matrix<T>& a);

// [w2; b2], [h + 1, d].
template <class T>
Matrix<T> with_bias_row(const Sizes& sizes, const T* w2, const T* b2) {
  Matrix<T> result(sizes.hidden + 1, sizes.dimension);
  std::copy_n(w2, sizes.hidden * sizes.dimension, result.row(0));
  std::copy_n(b2, sizes.dimension, result.row(sizes.hidden));
  return result;
}

// ||h~ [w2; b2]|| by row, from t = h~ q.
template <class T>
double norm_from_gram(const T* t, const T* h_tilde, int64_t size);

}  // namespace desire_edge
