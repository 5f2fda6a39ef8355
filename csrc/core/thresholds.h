// Decision thresholds, from what adapting leaves on the support set.
#pragma once

#include <cstdint>

namespace desire_edge {

// As desire_edge_thresholds, of arguments that are checked.
void make_thresholds(int64_t S, int64_t N, const float* logits, const float* targets, const float* mask,
                     const float* weights, double* thresholds);

}  // namespace desire_edge
