// The support set's loss.
#pragma once

#include "matrix.h"

namespace desire_edge {

template <class T>
struct Loss {
  double value;
  Matrix<T> gradient;  // d value / d logits, [S, N]
};

// sum(mask * BCEWithLogits(logits, targets)) / sum(mask), all [S, N]; 0 without a gradient where the mask
// sums to 0.
template <class T>
Loss<T> masked_cross_entropy(View<T> logits, View<T> targets, View<T> mask);

}  // namespace desire_edge
