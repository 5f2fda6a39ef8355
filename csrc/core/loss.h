// The support set's loss.
#pragma once

#include <cstdint>

namespace desire_edge {

// sum(mask * BCEWithLogits(logits, targets)) / sum(mask), all [S, N], and into `gradient` its derivative by
// the logits; 0 and zeros where the mask sums to 0. Rows of logits and gradient are `row` elements apart.
template <class T>
double masked_cross_entropy(int64_t S, int64_t N, const T* logits, int64_t row, const T* targets,
                            const T* mask, T* gradient);

}  // namespace desire_edge
