#include "loss.h"

#include <algorithm>
#include <cmath>

namespace desire_edge {

template <class T>
double masked_cross_entropy(int64_t S, int64_t N, const T* logits, int64_t row, const T* targets,
                            const T* mask, T* gradient) {
  double weight = 0;
  for (int64_t i = 0; i < S * N; ++i) weight += mask[i];

  double loss = 0;
  for (int64_t i = 0; i < S; ++i, logits += row, gradient += row, targets += N, mask += N) {
    if (weight == 0) {
      std::fill_n(gradient, N, T(0));
      continue;
    }
    for (int64_t j = 0; j < N; ++j) {
      const double x = logits[j];
      const double share = mask[j] / weight;
      // exp of a number <= 0 only, so that no logit overflows.
      const double decay = std::exp(-std::abs(x));
      const double sigmoid = (x >= 0 ? 1.0 : decay) / (1.0 + decay);
      loss += share * (std::fmax(x, 0.0) - x * targets[j] + std::log1p(decay));
      gradient[j] = static_cast<T>(share * (sigmoid - targets[j]));
    }
  }
  return loss;
}

template double masked_cross_entropy(int64_t, int64_t, const float*, int64_t, const float*, const float*,
                                     float*);
template double masked_cross_entropy(int64_t, int64_t, const double*, int64_t, const double*, const double*,
                                     double*);

}  // namespace desire_edge
